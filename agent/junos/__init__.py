"""The second face of the gateway: the prompt, the text, the XML and the RPCs of a Junos router."""
