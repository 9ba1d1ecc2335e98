# shellcheck shell=bash
# What moves a file under the program: bash move.bash KIND HOME LOG. The file
# is HOME/data/sub/f; what it had, and what was taken away, goes to LOG as
# invariants.py reads it. Nothing is made where something is gone: a writer in
# place opens what is there.
set -u
kind=$1
home=$2
log=$3
cd "$home" || exit 1
f=data/sub/f

had() { printf 'had\t%s\t%s\n' "$(sha256sum <"$1" | cut -d' ' -f1)" "$1" >>"$log"; }
gone() { printf 'gone\t-\t%s\n' "$1" >>"$log"; }
other() { head -c "$(stat -c %s "$1")" /dev/urandom; }

# in_place FILE OPTION...: stdin over its first bytes, as it stands; fails where
# the program, which stands still, would make it wait
in_place() { dd of="$1" oflag="nonblock${2:+,$2}" conv=notrunc,nocreat status=none bs=64k 2>/dev/null; }

case $kind in
begin) had "$f" ;;
append)
	[ ! -f "$f" ] || ! echo more | in_place "$f" append || had "$f"
	;;
truncate)
	[ ! -f "$f" ] || ! dd if=/dev/null of="$f" bs=1 seek=1 oflag=nonblock conv=nocreat status=none 2>/dev/null ||
		had "$f"
	;;
rewrite)
	[ ! -f "$f" ] || ! other "$f" | in_place "$f" || had "$f"
	;;
rewrite-in-the-past)
	# as tools do that restore the time of modification
	if [ -f "$f" ]; then
		touch -r "$f" "$home/../stamp"
		! other "$f" | in_place "$f" || { touch -c -r "$home/../stamp" "$f" && had "$f"; }
	fi
	;;
replace)
	if [ -d data/sub ]; then
		echo "quite another file" >"$home/../new" &&
			mv -fT "$home/../new" "$f" && had "$f"
	fi
	;;
replace-alike)
	# same size, same time of modification
	if [ -f "$f" ]; then
		other "$f" >"$home/../new" && touch -r "$f" "$home/../new" &&
			mv -fT "$home/../new" "$f" && had "$f"
	fi
	;;
delete) rm -f "$f" && gone "$f" ;;
rename)
	[ ! -f "$f" ] || { mv "$f" data/sub/g && gone "$f" && had data/sub/g; }
	;;
lock-away) [ ! -f "$f" ] || chmod 0 "$f" ;;
fifo)
	if [ -d data/sub ]; then
		rm -f "$f" && gone "$f" && mkfifo "$f"
	fi
	;;
link-inside)
	if [ -d data/sub ]; then
		ln -sfn ../other "$f" && gone "$f" && had "$f"
	fi
	;;
link-outside)
	if [ -d data/sub ]; then
		ln -sfn ../../outside/sub/f "$f" && gone "$f"
	fi
	;;
folder)
	if [ -d data/sub ]; then
		rm -f "$f" && gone "$f" && mkdir "$f"
	fi
	;;
folder-renamed)
	if [ -d data/sub ]; then
		mv data/sub data/bus && gone "$f"
		[ ! -f data/bus/f ] || had data/bus/f
	fi
	;;
folder-linked)
	if [ -d data/sub ]; then
		mv data/sub data/bus && gone "$f"
		[ ! -f data/bus/f ] || had data/bus/f
		ln -s ../outside/sub data/sub
	fi
	;;
*) exit 1 ;;
esac
