#!/usr/bin/env bash
# tests/vectors/pki/make.sh: make the vectors anew with the openssl command line, and have openssl judge them.
# The keys are thrown away, so every run makes other octets. Needs openssl 3.
set -euo pipefail
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
WORK="$(mktemp -d)"
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"

cat > openssl.cnf <<'CNF'
[ca]
default_ca = ours
[ours]
dir = .
database = $dir/$ENV::CA.index
new_certs_dir = $dir
serial = $dir/$ENV::CA.serial
crlnumber = $dir/$ENV::CA.crlnumber
certificate = $dir/$ENV::CA.pem
private_key = $dir/$ENV::CA.key
default_md = sha1
policy = any
unique_subject = no
copy_extensions = none
[any]
countryName = optional
organizationName = optional
commonName = optional
emailAddress = optional
[req]
distinguished_name = none
[none]
[v1]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
[plain_root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[intermediate]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
[end]
basicConstraints = CA:FALSE
keyUsage = digitalSignature
subjectAltName = DNS:gw.example.com,email:ops@example.com,IP:192.0.2.7,IP:2001:db8::7,URI:http://example.com/gw,DNS:gw.example.com
[constrained]
basicConstraints = CA:FALSE
nameConstraints = critical,permitted;DNS:example.com
[partial]
issuingDistributionPoint = critical,@distribution
[distribution]
onlyuser = TRUE
CNF

key() { openssl genpkey "${@:2}" -out "$1.key" 2>/dev/null; }
rsa() { key "$1" -algorithm RSA -pkeyopt rsa_keygen_bits:1024; }
ec() { key "$1" -algorithm EC -pkeyopt ec_paramgen_curve:P-256; }

# issue NAME ISSUER EXTENSIONS SUBJECT SERIAL [options]: a certificate of 2003 to 2005 for the key of NAME
issue() {
  export CA="$2"
  : > "$CA.index"
  echo "$5" > "$CA.serial"
  openssl req -new -key "$1.key" -subj "$4" -config openssl.cnf -out "$1.csr"
  local how=()
  [ "$1" != "$2" ] || how=(-selfsign)
  openssl ca -batch -notext -config openssl.cnf -in "$1.csr" -out "$1.pem" -extensions "$3" "${how[@]}" \
    -startdate 20030101000000Z -enddate 20051231235959Z "${@:6}" 2>/dev/null
}
# revoke ISSUER LIST LAST NEXT NUMBER [SERIAL:REASON]... [-- options]: a list in the name of ISSUER
revoke() {
  export CA="$1"
  local list="$2" last="$3" next="$4"
  : > "$CA.index"
  echo "$5" > "$CA.crlnumber"
  shift 5
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    local reason="${1#*:}"
    printf 'R\t051231235959Z\t030301120000Z%s\t%s\tunknown\t/C=FI/CN=revoked\n' "${reason:+,$reason}" "${1%:*}" >> "$CA.index"
    shift
  done
  [ $# -eq 0 ] || shift
  openssl ca -gencrl -config openssl.cnf -crl_lastupdate "$last" -crl_nextupdate "$next" -out "$list.pem" "$@" 2>/dev/null
}

rsa root; rsa leaf; rsa intermediate; rsa end; rsa forged; rsa impostor; rsa md5-leaf; rsa v1-root; rsa v1-leaf
rsa plain-root; rsa constrained; rsa sub-ca; rsa under-sub-ca; rsa under-leaf; rsa sha256-leaf
ec ec-root; ec ec-leaf
issue root root root "/C=FI/O=Vectors/CN=Root" 01
issue leaf root end "/C=us/O=x/CN=leaf/emailAddress=leaf@example.com" 7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF
issue sha256-leaf root end "/C=us/O=x" 03 -md sha256
issue md5-leaf root end "/C=us/O=x/CN=md5" 04 -md md5
issue intermediate root intermediate "/C=FI/O=Vectors/CN=Intermediate" 05
issue end intermediate end "/C=us/O=x/CN=end" 06
issue sub-ca intermediate root "/C=FI/O=Vectors/CN=Too deep" 07
issue under-sub-ca sub-ca end "/C=us/O=x/CN=under a CA too deep" 08
issue under-leaf leaf end "/C=us/O=x/CN=under a leaf" 09
issue constrained root constrained "/C=us/O=x/CN=constrained" 0A
issue ec-root ec-root root "/C=FI/O=Vectors/CN=EC root" 0B -md sha256
issue ec-leaf ec-root end "/C=us/O=x/CN=EC leaf" 0C -md sha256
issue v1-root v1-root v1 "/C=FI/O=Vectors/CN=Version 1" 0D
issue v1-leaf v1-root end "/C=us/O=x/CN=under version 1" 0E
issue plain-root plain-root plain_root "/C=FI/O=Vectors/CN=No lists" 0F

# An impostor of the root's name, with another key, and what it issues.
issue impostor impostor root "/C=FI/O=Vectors/CN=Root" 10
issue forged impostor end "/C=us/O=x/CN=forged" 11

L=7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF
revoke root crl-1 20030301000000Z 20030401000000Z 01 03:superseded
revoke root crl-2 20030310000000Z 20030410000000Z 02 03:superseded "$L:keyCompromise" 63:
revoke root crl-ca 20030320000000Z 20030420000000Z 03 05:CACompromise
revoke root crl-partial 20030321000000Z 20030421000000Z 04 03: -- -crlexts partial
revoke root crl-md5 20030322000000Z 20030422000000Z 05 03: -- -md md5
revoke impostor crl-forged 20030311000000Z 20030411000000Z 06 03:
revoke plain-root crl-plain 20030301000000Z 20030401000000Z 07 03:
openssl x509 -in leaf.pem -outform DER -out leaf.der
openssl crl -in crl-1.pem -outform DER -out crl-1.der

rm -f "$HERE"/*.pem "$HERE"/*.der
rm -f [0-9A-F]*.pem
cp ./*.pem leaf.der crl-1.der "$HERE"

# judge CERTIFICATE ANCHOR WHEN LIST INTERMEDIATES...: one line with what `openssl verify` says
judge() {
  local certificate="$1" anchor="$2" when="$3" list="$4" how=() each
  shift 4
  for each in "$@"; do how+=(-untrusted "$each.pem"); done
  [ "$list" = - ] || how+=(-crl_check -CRLfile "$list.pem")
  local verdict=trusted
  openssl verify -auth_level 0 -partial_chain -attime "$(date -u -d "$when" +%s)" -CAfile "$anchor.pem" "${how[@]}" \
    "$certificate.pem" >out 2>&1 || verdict="$(sed -n 's/^error [0-9]* at [0-9]* depth lookup: //p' out | head -1)"
  echo "$certificate|$anchor|$when|$list|$*|$verdict"
}
{
  judge root root 2003-03-15T00:00:00Z -
  judge leaf root 2003-03-15T00:00:00Z -
  judge leaf root 2002-12-31T23:59:59Z -
  judge leaf root 2003-01-01T00:00:00Z -
  judge leaf root 2005-12-31T23:59:58Z -
  judge leaf root 2006-01-01T00:00:00Z -
  judge leaf root 2003-03-15T00:00:00Z crl-1
  judge leaf root 2003-03-15T00:00:00Z crl-2
  judge sha256-leaf root 2003-03-15T00:00:00Z crl-1
  judge end root 2003-03-15T00:00:00Z - intermediate
  judge end root 2003-03-15T00:00:00Z -
  judge intermediate root 2003-03-25T00:00:00Z crl-ca
  judge under-sub-ca root 2003-03-15T00:00:00Z - intermediate sub-ca
  judge under-leaf root 2003-03-15T00:00:00Z - leaf
  judge forged root 2003-03-15T00:00:00Z -
  judge forged root 2003-03-15T00:00:00Z - impostor
  judge ec-leaf ec-root 2003-03-15T00:00:00Z -
  judge v1-leaf v1-root 2003-03-15T00:00:00Z -
} > "$HERE/verdicts.txt"
openssl version
