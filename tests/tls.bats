#!/usr/bin/env bats
# TLS is verified, and proxies are what they are told to be.

setup_file() {
	export PKI=$BATS_FILE_TMPDIR/pki
	mkdir "$PKI"
	make_ca ca
	make_ca other
	make_certificate good ca "DNS:localhost,IP:127.0.0.1"
	make_certificate elsewhere ca "DNS:elsewhere.example"
	make_certificate strange other "DNS:localhost,IP:127.0.0.1"
	make_certificate client ca "DNS:station"
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=self \
		-addext "subjectAltName=DNS:localhost,IP:127.0.0.1" \
		-keyout "$PKI/self.key" -out "$PKI/self.pem" 2>/dev/null
	make_expired
}

make_ca() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=CA $1" \
		-keyout "$PKI/$1.key" -out "$PKI/$1.pem" 2>/dev/null
}

# make_certificate NAME CA NAMES [DAYS]
make_certificate() {
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" \
		-keyout "$PKI/$1.key" -out "$PKI/$1.csr" 2>/dev/null
	openssl x509 -req -in "$PKI/$1.csr" -CA "$PKI/$2.pem" \
		-CAkey "$PKI/$2.key" -CAcreateserial -days "${4:-30}" \
		-extfile <(echo "subjectAltName=$3") -out "$PKI/$1.pem" 2>/dev/null
}

# openssl x509 cannot sign into the past, openssl ca can
make_expired() {
	openssl req -newkey rsa:2048 -nodes -subj /CN=expired \
		-keyout "$PKI/expired.key" -out "$PKI/expired.csr" 2>/dev/null
	: >"$PKI/index.txt"
	openssl ca -batch -notext -config <(printf '%s\n' "[ca]" \
		"default_ca=d" "[d]" "database=$PKI/index.txt" \
		"rand_serial=yes" "default_md=sha256" "policy=p" \
		"new_certs_dir=$PKI" "[p]" "commonName=supplied" "[e]" \
		"subjectAltName=DNS:localhost,IP:127.0.0.1") \
		-extensions e -cert "$PKI/ca.pem" -keyfile "$PKI/ca.key" \
		-startdate 20200101000000Z -enddate 20200201000000Z \
		-in "$PKI/expired.csr" -out "$PKI/expired.pem" 2>/dev/null
}

setup() {
	load lib/servers.bash
	start_fake_s3
	make_home
}

teardown() { stop_servers; }

# with_tls CERTIFICATE FILTER [OPTION...]: a mothership with it, and a config
with_tls() {
	local certificate=$1 filter=$2
	shift 2
	start_mothership --tls "$PKI/$certificate.pem" "$PKI/$certificate.key" "$@"
	reply default '{"state":"discovered","id":1}'
	cp "$PKI/ca.pem" "$HOME_DIR/ca.pem"
	config ".host_service = \"https\" | .host_dns = \"localhost\" |
		.ca_file = \"ca.pem\" | $filter"
}

# refused WORDS: exit 69, nothing was said to the other side, and why
refused() {
	ingest_is 69
	[ "$(contacts)" -eq 0 ]
	[[ $output == *"$1"* ]]
	[ ! -e "$HOME_DIR/s3-ingestor-context.json" ]
}

@test "a certificate of ca_file for the right name is trusted" {
	with_tls good .
	ingest_is 0
	[ "$(contacts)" -eq 1 ]
}

@test "an address as host_dns is compared with the certificate's addresses" {
	with_tls good '.host_dns = "127.0.0.1"'
	ingest_is 0
}

@test "without ca_file the system's authorities decide" {
	with_tls good 'del(.ca_file)'
	refused certificate
}

@test "an expired certificate is refused" {
	with_tls expired .
	refused expired
}

@test "a certificate for another host is refused" {
	with_tls elsewhere .
	refused "localhost"
}

@test "a certificate of another authority is refused" {
	with_tls strange .
	refused certificate
}

@test "a self-signed certificate is refused" {
	with_tls self .
	refused certificate
}

@test "TLS 1.1 is refused" {
	with_tls good . --tls-max 1.1
	refused ""
	[[ ${output,,} == *protocol* || ${output,,} == *version* || ${output,,} == *tls* ]]
}

@test "a redirect to http is not followed" {
	with_tls good .
	reply default '{"state":"configured"}' '{"status":307,"headers":{"Location":"http://127.0.0.1:1/"}}'
	ingest_is 69
	[ "$(contacts)" -eq 1 ]
	[[ $output == *"status 307"* ]]
}

@test "client_cert and client_key open a door that is closed otherwise" {
	with_tls good . --client-ca "$PKI/ca.pem"
	ingest_is 69
	[ "$(contacts)" -eq 0 ]
	cp "$PKI/client.pem" "$PKI/client.key" "$HOME_DIR/"
	config '.host_service = "https" | .host_dns = "localhost" |
		.ca_file = "ca.pem" | .client_cert = "client.pem" |
		.client_key = "client.key"'
	ingest_is 0 --action startup
	[ "$(contacts)" -eq 1 ]
}

@test "a ca_file that is not there: exit 78 or 74, named" {
	with_tls good '.ca_file = "nowhere.pem"'
	ingest
	[ "$status" -ne 0 ]
	[[ $output == *nowhere.pem* ]]
}

# ---- proxies ----

# start_proxy OPTION...
start_proxy() {
	PROXY_DIR=$BATS_TEST_TMPDIR/proxy
	mkdir "$PROXY_DIR"
	/usr/bin/env python3 -S "$ROOT/tests/servers/proxy.py" \
		--dir "$PROXY_DIR" "$@" >/dev/null 2>"$PROXY_DIR/err" 3>&- &
	note_pid $!
	wait_for "$PROXY_DIR/port"
	PROXY=127.0.0.1:$(cat "$PROXY_DIR/port")
}

# with_environment NAME=VALUE... -- OPTION...: one run with these set
with_environment() {
	local words=()
	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	run env -i PATH="$PATH" "${words[@]}" "$S3_INGESTOR" -C "$HOME_DIR" "$@"
}

@test "proxy: mothership and S3 are reached through it" {
	start_proxy
	start_mothership
	config ".proxy = \"http://$PROXY\""
	echo one >"$HOME_DIR/data/a"
	configured
	ingest_is 0
	grep -q "^POST http://127.0.0.1:$MOTHER_PORT/" "$PROXY_DIR/log"
	grep -q "^PUT $S3_ENDPOINT/bucket/data/a " "$PROXY_DIR/log"
	s3_same data/a "$HOME_DIR/data/a"
}

@test "proxy: https goes through a tunnel, verified to the end" {
	start_proxy
	with_tls good ".proxy = \"http://$PROXY\""
	ingest_is 0
	grep -q "^CONNECT localhost:$MOTHER_PORT " "$PROXY_DIR/log"
	cp "$PKI/other.pem" "$HOME_DIR/ca.pem"
	ingest_is 69 --action startup
}

@test "proxy with a user: used, and in no output" {
	start_proxy --user station:hush
	start_mothership
	reply default '{"state":"discovered","action":"report"}'
	config ".proxy = \"http://station:hush@$PROXY\" | .debug = true"
	ingest_is 0 -v
	[[ $output != *hush* ]]
	! grep -qF hush "$MOTHER"/requests/*
}

@test "a proxy that wants another password: exit 69, 407 is named" {
	start_proxy --user station:other
	start_mothership
	config ".proxy = \"http://station:hush@$PROXY\""
	ingest_is 69
	[[ $output == *407* ]]
	[[ $output != *hush* ]]
}

@test "the environment's proxy is used where there is no setting" {
	start_proxy
	start_mothership
	reply default '{"state":"discovered"}'
	config
	with_environment http_proxy="http://$PROXY" --
	[ "$status" -eq 0 ]
	grep -q "^POST http://127.0.0.1:$MOTHER_PORT/" "$PROXY_DIR/log"
}

@test "NO_PROXY of the environment leaves a host alone" {
	start_proxy
	start_mothership
	reply default '{"state":"discovered"}'
	config
	with_environment http_proxy="http://$PROXY" NO_PROXY=127.0.0.1 --
	[ "$status" -eq 0 ]
	[ ! -e "$PROXY_DIR/log" ]
}

@test "a proxy that is not there: exit 69, uploads cannot go either" {
	start_mothership
	configured
	echo one >"$HOME_DIR/data/a"
	config '.proxy = "http://127.0.0.1:1"'
	ingest_is 69
	[ "$(contacts)" -eq 0 ]
	[ "$(s3_requests)" -eq 0 ]
}

# ---- plain http ----

@test "plain http to a host that is not loopback is said once a day" {
	config '.host_dns = "mothership.invalid" | .host_timeout = 1'
	ingest_is 69
	[[ $output == *"plain http"* ]]
	ingest
	[[ $output != *"plain http"* ]]
}
