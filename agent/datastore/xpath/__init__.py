"""XPath 1.0 as a filter of YANG data (RFC 6241 section 8.9, RFC 7950 sections 6.4 and 10)."""

from agent.datastore.xpath.budget import BUDGET, XPATH_LIMITS, Budget, XPathLimits, XPathTooCostly
from agent.datastore.xpath.filter import Reader, XPathFilter
from agent.datastore.xpath.parser import XPathError

__all__ = ["BUDGET", "XPATH_LIMITS", "Budget", "Reader", "XPathError", "XPathFilter", "XPathLimits", "XPathTooCostly"]
