# netns - hosts of their own, for suites that want real networks: each has a
# network namespace with both families and port 25, and a mount namespace with
# an /etc of its own.  They hang on one switch, where the name server is too.
# Nothing of the machine is touched; it all goes with the processes.
#
#	load lib
#	load netns
#	setup() {
#		test_begin
#		why=$(net_lacks)
#		[ -z "$why" ] || skip "$why"
#		net_begin; net_host a 1; net_host b 2
#	}
#	teardown() { test_end; }
#
# A host's addresses are $V4.N and $V6::N.
# shellcheck shell=bash disable=SC2154

V4=192.0.2	# RFC 5737
V6=2001:db8	# RFC 3849

# on HOST COMMAND...: run it there.
on()
{
	local pid
	pid=$(cat "$T/pid/ns-$1")
	shift
	nsenter -t "$pid" -n -m -- "$@"
}

# start_on HOST NAME COMMAND...: start it there.
start_on()
{
	local pid
	pid=$(cat "$T/pid/ns-$1")
	start "$2" nsenter -t "$pid" -n -m -- \
	    env "LD_LIBRARY_PATH=$(peer_libs)" "${@:3}"
}

# net_lacks: why there can be no such network here; nothing if there can.
net_lacks()
{
	local p
	if [ "$EUID" -ne 0 ]; then
		echo 'needs root'
	elif ! peer ip > /dev/null; then
		echo 'no ip here'
	elif ! p=$(unshare -n -m sh -e -c '
		ip link add br0 type bridge
		ip link add x type veth peer name y
		ip address add 2001:db8::1/64 dev br0' 2>&1); then
		echo "no network namespaces here: $p"
	fi
}

# The switch, which is the host called net, N = 53.
net_begin()
{
	net_namespace net
	# An address of its own, else it takes one of its ports' and changes it.
	on net ip link add br0 address 02:00:00:00:00:53 type bridge
	net_addresses net br0 53
}

# net_host NAME N: a host on the switch.
net_host()
{
	net_namespace "$1"
	on net ip link add "to-$1" type veth peer name eth0 netns \
	    "$(cat "$T/pid/ns-$1")"
	on net ip link set "to-$1" master br0 up
	net_addresses "$1" eth0 "$2"
}

net_namespace()
{
	net_etc "$T/etc-$1"
	start "ns-$1" unshare -n -m sleep 3600
	wait_for net_stands "$1"
	on "$1" mount --bind "$T/etc-$1" /etc
	on "$1" ip link set lo up
}

net_stands()
{
	local pid
	pid=$(cat "$T/pid/ns-$1")
	[ "$(cat "/proc/$pid/comm")" = sleep ]
}

# What programs need of an /etc; accounts are the machine's and those of Postfix.
net_etc()
{
	mkdir "$1"
	cp -a /etc/ld.so.c* /etc/alternatives /etc/services /etc/protocols \
	    "$1" 2> /dev/null || :
	printf "%s\n" "nameserver $V4.53" 'options timeout:10 attempts:2' > "$1/resolv.conf"
	printf '%s localhost\n' 127.0.0.1 ::1 > "$1/hosts"
	printf '%s\n' 'passwd: files' 'group: files' 'hosts: files dns' \
	    > "$1/nsswitch.conf"
	{
		printf '%s\n' postfix:x:19997:19997::/:/bin/false \
		    jo:x:20011:20011:Jo:/:/bin/sh \
		    kim:x:20012:20012:Kim:/:/bin/sh
		cat /etc/passwd
	} | awk -F: '!seen[$1]++' > "$1/passwd"
	{
		printf '%s\n' postfix:x:19997: postdrop:x:19996:
		cat /etc/group
	} | awk -F: '!seen[$1]++' > "$1/group"
}

# net_addresses HOST DEVICE N...: it goes by these.
net_addresses()
{
	local host=$1 dev=$2 n
	shift 2
	for n; do
		on "$host" ip address add "$V4.$n/24" dev "$dev"
		on "$host" ip address add "$V6::$n/64" dev "$dev" nodad
	done
	on "$host" ip link set "$dev" up
}

# net_listens HOST [PORT]: does anybody there?
net_listens()
{
	on "$1" cat /proc/net/tcp /proc/net/tcp6 |
		grep -q ":$(printf %04X "${2-25}") 0*:0000 0A"
}

# net_dns RECORD...: a real name server (dnsmasq) for hosts below .test.
net_dns()
{
	start_on net dns "$(peer dnsmasq)" --keep-in-foreground \
	    --conf-file=/dev/null --no-resolv --no-hosts --no-daemon \
	    --bind-interfaces --listen-address="$V4.53,$V6::53" \
	    --pid-file= --user=root --local=/test/ --local=/arpa/ "$@"
	wait_for net_listens net 53
}

# --- mail systems ---

# net_facteur NAME [LINE...]: a private facteur NAME.test on the host NAME,
# under inetd on both families.  It asks the name server of resolv.conf.
net_facteur()
{
	instance "$1" "$1.test" port\ 25 "${@:2}"
	sed -i '/^nameserver/d; /^port 2525$/d' "$C"
	printf '25 stream tcp%s nowait.1000000 root %s\n' '' "$(smtpd_line "$1")" \
	    6 "$(smtpd_line "$1")" > "$T/inetd-$1.conf"
	start_on "$1" "inetd-$1" "$(peer inetd)" -i "$T/inetd-$1.conf"
	wait_for net_listens "$1"
}

# net_postfix NAME LINE...: a private Postfix NAME.test on the host NAME with the
# users jo and kim, mailboxes in $T/NAME/mail and a log beside it.  Lines of
# configuration say at least what its alias_maps and mydestination are.
net_postfix()
{
	local d=$T/$1 i
	mkdir -p "$d"/{etc,data,mail,spool}
	chown 19997 "$d/data"
	chmod 1777 "$d/mail"
	for i in incoming active deferred bounce defer flush hold saved \
	    corrupt trace private; do
		install -d -o 19997 -m 700 "$d/spool/$i"
	done
	install -d -o 19997 -g 19996 -m 710 "$d/spool/public"
	install -d -o 19997 -g 19996 -m 1730 "$d/spool/maildrop"
	mkdir "$d/spool/pid"
	cat > "$d/etc/main.cf" <<-END
		compatibility_level = 3.6
		queue_directory = $d/spool
		data_directory = $d/data
		command_directory = $PEERS/usr/sbin
		daemon_directory = $PEERS/usr/lib/postfix/sbin
		shlib_directory = $PEERS/usr/lib/postfix
		meta_directory = $d/etc
		mail_owner = postfix
		setgid_group = postdrop
		import_environment = MAIL_CONFIG LD_LIBRARY_PATH TZ
		export_environment = MAIL_CONFIG LD_LIBRARY_PATH TZ
		maillog_file = $d/log
		maillog_file_prefixes = $T
		myhostname = mx.$1.test
		mydomain = $1.test
		myorigin = $1.test
		mynetworks = 127.0.0.0/8
		mail_spool_directory = $d/mail
		smtputf8_enable = yes
		smtp_host_lookup = dns
	END
	printf '%s\n' "${@:2}" >> "$d/etc/main.cf"
	cat > "$d/etc/master.cf" <<-END
		25 inet n - n - - smtpd
		postlog unix-dgram n - n - 1 postlogd
		pickup unix n - n 60 1 pickup
		cleanup unix n - n - 0 cleanup
		qmgr unix n - n 300 1 qmgr
		rewrite unix - - n - - trivial-rewrite
		bounce unix - - n - 0 bounce
		defer unix - - n - 0 bounce
		trace unix - - n - 0 bounce
		verify unix - - n - 1 verify
		flush unix n - n 1000? 0 flush
		proxymap unix - - n - - proxymap
		smtp unix - - n - - smtp
		relay unix - - n - - smtp
		showq unix n - n - - showq
		error unix - - n - - error
		retry unix - - n - - error
		discard unix - - n - - discard
		local unix - n n - - local
		anvil unix - - n - 1 anvil
		scache unix - - n - 1 scache
		tlsmgr unix - - n 1000? 1 tlsmgr
	END
	start_on "$1" "postfix-$1" env "MAIL_CONFIG=$d/etc" \
	    "$PEERS/usr/lib/postfix/sbin/master" -d -c "$d/etc"
	wait_for net_listens "$1"
}

# post NAME COMMAND...: a command of Postfix on the host NAME.
post()
{
	on "$1" env "LD_LIBRARY_PATH=$(peer_libs)" "MAIL_CONFIG=$T/$1/etc" \
	    "$PEERS/usr/sbin/$2" "${@:3}"
}
