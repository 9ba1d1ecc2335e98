#!/usr/bin/env bash
# rgw-up.sh DIR: a throw-away Ceph RADOS Gateway on a free port of 127.0.0.1.
#
# One monitor, one OSD that keeps its objects in memory and one gateway, all
# without systemd and without cephx; their pids are in DIR/pids, in the order
# in which they were started. Prints what a client has to know as shell
# assignments, also kept in DIR/env. rgw-down.sh DIR ends it.
#
#   RGW_REQUESTS=N   more than N requests at once get 503 SlowDown
#   RGW_BYTES=N      size of the store (default 4 GiB, taken as it fills)
set -euo pipefail

dir=${1:?usage: rgw-up.sh DIR}
key=${RGW_KEY:-RGWTESTKEY0000000001}
secret=${RGW_SECRET:-rgw/test+secret/0123456789abcdefghijklmno}
here=$(cd "$(dirname "$0")" && pwd)

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
if [ -e "$dir/pids" ]; then
	echo "rgw-up: $dir is in use" >&2
	exit 1
fi
mkdir "$dir/mon" "$dir/osd" "$dir/rgw" "$dir/log"
: >"$dir/pids"
: >"$dir/keyring"

free_port() {
	/usr/bin/python3 - <<'PYTHON'
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])
PYTHON
}

give_up() {
	echo "rgw-up: $1" >&2
	tail -n 5 "$dir"/log/* >&2 || true
	"$here/rgw-down.sh" "$dir"
	exit 1
}

# start NAME COMMAND...: in a session of its own, its pid noted
start() {
	local name=$1
	shift
	setsid "$@" >"$dir/log/$name.out" 2>&1 </dev/null 3>&- &
	echo "$!" >>"$dir/pids"
}

mon_port=$(free_port)
port=$(free_port)
fsid=$(cat /proc/sys/kernel/random/uuid)
osd_id=$(cat /proc/sys/kernel/random/uuid)
conf=$dir/ceph.conf

cat >"$conf" <<CONF
[global]
fsid = $fsid
mon host = [v2:127.0.0.1:$mon_port/0]
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
auth supported = none
ms mon client mode = crc
ms mon service mode = crc
ms mon cluster mode = crc
ms client mode = crc
ms service mode = crc
ms cluster mode = crc
keyring = $dir/keyring
run dir = $dir
crash dir = $dir/log
log file = $dir/log/\$name.log
mon cluster log file = $dir/log/cluster.log
admin socket =
pid file =
log to stderr = false
err to stderr = false
mon cluster log to stderr = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail crit = 1
mon data avail warn = 1
mon osd full ratio = 0.99
mon osd nearfull ratio = 0.98
mon osd backfillfull ratio = 0.985
paxos propose interval = 0.05
paxos min wait = 0.01
[mon]
mon data = $dir/mon
[osd]
osd data = $dir/osd
osd objectstore = memstore
memstore device bytes = ${RGW_BYTES:-4294967296}
memstore page set = false
osd class load list = *
osd class default list = *
osd max object name len = 2048
osd max object namespace len = 256
osd scrub begin hour = 0
osd scrub end hour = 0
[client]
rgw frontends = beast endpoint=127.0.0.1:$port
rgw data = $dir/rgw
rgw thread pool size = 64
rgw enable usage log = false
rgw enable lc threads = false
rgw enable quota threads = false
rgw run sync thread = false
rgw override bucket index max shards = 1
rgw dynamic resharding = false
rgw gc max objs = 8
rgw gc obj min wait = ${RGW_GC_S:-7200}
rgw gc processor period = ${RGW_GC_S:-3600}
rgw num rados handles = 1
rgw max concurrent requests = ${RGW_REQUESTS:-1024}
rgw crypt require ssl = false
CONF
export CEPH_CONF=$conf
unset CEPH_ARGS

monmaptool --create --clobber --fsid "$fsid" \
	--addv a "[v2:127.0.0.1:$mon_port/0]" "$dir/monmap" >/dev/null
ceph-mon -c "$conf" -i a --mkfs --monmap "$dir/monmap" \
	>"$dir/log/mkfs-mon.out" 2>&1 || give_up "the monitor has no store"
start mon ceph-mon -c "$conf" -i a -f
timeout 60 ceph -c "$conf" --connect-timeout 30 osd new "$osd_id" 0 \
	>"$dir/log/osd-new.out" 2>&1 || give_up "the monitor does not answer"
ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$osd_id" \
	>"$dir/log/mkfs-osd.out" 2>&1 || give_up "the OSD has no store"
start osd ceph-osd -c "$conf" -i 0 -f
timeout 120 radosgw-admin -c "$conf" user create --uid=test \
	--display-name=test --access-key="$key" --secret-key="$secret" \
	>"$dir/log/user.out" 2>&1 || give_up "no user could be made"
start rgw radosgw -c "$conf" -n client.rgw -f
gateway=$(tail -n 1 "$dir/pids")
until curl -s -o /dev/null "http://127.0.0.1:$port/"; do
	kill -0 "$gateway" 2>/dev/null || give_up "the gateway ended"
	[ "$SECONDS" -lt 60 ] || give_up "the gateway does not answer"
	sleep 0.1
done
cat >"$dir/env" <<ENV
RGW_ENDPOINT=http://127.0.0.1:$port
RGW_KEY=$key
RGW_SECRET=$secret
ENV
cat "$dir/env"
