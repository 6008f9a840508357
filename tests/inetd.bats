# inetd - installing, putting in service, taking out of service: in a directory
# that stands for the root of a machine, and the samples as they are.

load lib

setup()
{
	test_begin
	cd "$REPO" || return 1
	root=$T/root
	mkdir "$root"
}

teardown() { test_end; }

# What make install does, into $root; put PREFIX.
put()
{
	local p=${1-/usr/local} from=$BIN
	FROM=$from DESTDIR=$root PREFIX=$p SBIN=$p/sbin BIN=$p/bin \
	    SHARE=$p/share/facteur MANDIR=$p/share/man etc/install man/*.[1-8]
}

enable() { ROOT=$root SBIN=/usr/local/sbin etc/enable; }
disable() { ROOT=$root SBIN=/usr/local/sbin etc/disable; }

# machine SCRIPT: as root on a machine of its own; what is written below /etc, /usr, /var
# and /run there is seen by nobody else.
machine()
{
	[ "$EUID" -eq 0 ] || skip 'needs root'
	mkdir -p "$T/disk"
	FROM=$BIN run unshare -m --propagation private bash -c '
		mount -t tmpfs none "$0" || exit 99
		for d in etc usr var; do
			mkdir -p "$0/$d/upper" "$0/$d/work"
			mount -t overlay none "/$d" -o \
			    "lowerdir=/$d,upperdir=$0/$d/upper,workdir=$0/$d/work" || exit 99
		done
		mount -t tmpfs none /run || exit 99
		mkdir /run/bin
		PATH=/run/bin:$PATH
		p=/usr/local
		PREFIX=$p SBIN=$p/sbin BIN=$p/bin SHARE=$p/share/facteur \
		    MANDIR=$p/share/man etc/install
		eval "$1"' "$T/disk" "$1"
	[ "$status" -ne 99 ] || skip 'no file system of its own here'
}

# Everything below $root with its content.
state() { (cd "$root" && find . -type f -exec cksum {} + -o -type l -printf '%p -> %l\n' | sort); }

@test "make install: programs, names, pages, samples" {
	put
	cd "$root/usr/local"
	for p in smtpd sendmail queuerun deliver mailq popd imapd tlsrelay \
	    checkpass pamcheck mtasts; do
		[ -x "sbin/$p" ]
	done
	[ "$(readlink bin/mailq)" = /usr/local/sbin/sendmail ]
	[ "$(readlink bin/newaliases)" = /usr/local/sbin/sendmail ]
	[ -e share/man/man5/facteur.conf.5 ]
	[ -e share/man/man8/smtpd.8 ]
	[ -e share/facteur/xinetd.d/facteur ]
}

@test "make install PREFIX=/usr: the traditional places, in the samples too" {
	put /usr
	[ "$(readlink "$root/usr/lib/sendmail")" = ../sbin/sendmail ]
	[ -x "$root/usr/sbin/sendmail" ]
	grep -q '	/usr/sbin/smtpd	' "$root/usr/share/facteur/inetd.conf"
	run grep -r /usr/local "$root/usr/share/facteur/cron.d"
	[ "$status" -eq 1 ]
}

@test "make PREFIX=... compiles anew what knows the place" {
	for p in /usr/local /opt/x; do
		make -s B="$T/b" PREFIX=$p "$T/b/lib/conf.o"
		grep -q "$p/sbin" "$T/b/lib/conf.o"
	done
}

@test "make install refuses a place that is no one word for inetd and cron" {
	for p in '/opt/my mail' '/opt/a&b' '/opt/a|b' opt; do
		run put "$p"
		[ "$status" -eq 64 ]
	done
	[ -z "$(ls "$root")" ]
}

@test "make install on a full disk leaves the programs that are there" {
	mkdir -p "$root/usr/local/sbin"
	echo old > "$root/usr/local/sbin/smtpd"
	run bash -c 'trap "" XFSZ; ulimit -f 1; "$@"' - env FROM="$BIN" DESTDIR="$root" \
	    PREFIX=/usr/local SBIN=/usr/local/sbin BIN=/usr/local/bin SHARE=/usr/local/share \
	    MANDIR=/usr/local/man etc/install
	[ "$status" -ne 0 ]
	[ "$(cat "$root/usr/local/sbin/smtpd")" = old ]
	[ "$(ls -A "$root/usr/local/sbin")" = smtpd ]
}

@test "make install as root: sendmail is setgid to the spool's group" {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	put
	[ "$(stat -c '%a %G' "$root/usr/local/sbin/sendmail")" = '2755 facteur' ]
}

@test "make install: nobody but its owner can read deliver, nor so write into it" {
	put
	[ "$(stat -c %a "$root/usr/local/sbin/deliver")" = 711 ]
}

@test "enable with inetd: an entry, twice is once, disable takes it away" {
	put
	mkdir -p "$root/etc/cron.d"
	printf 'ftp stream tcp nowait root /bin/ftpd ftpd' > "$root/etc/inetd.conf"
	enable
	while read -r name line; do
		grep -qE "^$name	stream	tcp	nowait\.[0-9]+	root	/usr/local/sbin/$line\$" \
		    "$root/etc/inetd.conf"
	done <<-'END'
		smtp smtpd	smtpd
		submission smtpd	smtpd -a
		submissions smtpd	smtpd -as
		pop3 popd	popd
		pop3s popd	popd -s
		imap2 imapd	imapd
		imaps imapd	imapd -s
	END
	grep -q '^ftp ' "$root/etc/inetd.conf"
	[ -e "$root/etc/cron.d/facteur" ]
	[ -e "$root/etc/aliases" ]
	[ -p "$root/var/spool/facteur/wake" ]
	[ "$(readlink "$root/usr/sbin/sendmail")" = /usr/local/sbin/sendmail ]
	[ "$(readlink "$root/usr/lib/sendmail")" = /usr/local/sbin/sendmail ]
	state > "$T/once"
	enable
	state > "$T/twice"
	diff "$T/once" "$T/twice"
	disable
	[ "$(cat "$root/etc/inetd.conf")" = 'ftp stream tcp nowait root /bin/ftpd ftpd' ]
	[ ! -e "$root/etc/cron.d/facteur" ]
	[ ! -L "$root/usr/sbin/sendmail" ]
	[ ! -L "$root/usr/lib/sendmail" ]
	[ -e "$root/etc/facteur/facteur.conf" ]
	[ -d "$root/var/spool/facteur/new" ]
	disable
}

@test "enable writes a configuration that the programs accept, with the name of the machine" {
	put
	mkdir -p "$root/etc/cron.d"
	enable
	conf=$root/etc/facteur/facteur.conf
	grep -q "^hostname $(hostname -f 2> /dev/null || hostname)$" "$conf"
	sed 's/^#\([a-z_]\)/\1/' etc/facteur.conf > "$T/all"
	run "$(prog smtpd)" -C "$T/all" <<< QUIT
	[[ ${lines[0]} == '220 '* ]]
}

@test "the name of a machine that has none with a dot is that of /etc/mailname" {
	machine '
		echo mail.test > /etc/mailname
		rm -rf /etc/facteur
		printf "#!/bin/sh\necho vm\n" > /run/bin/hostname
		chmod 755 /run/bin/hostname
		unshare -u sh -c "echo vm > /proc/sys/kernel/hostname && etc/enable" || exit
		grep "^hostname " /etc/facteur/facteur.conf'
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = 'hostname mail.test' ]
}

@test "a certificate of which enable could not write all is made when it is repeated" {
	command -v openssl > /dev/null || skip 'no openssl'
	put
	mkdir "$T/full"
	cat > "$T/full/mv" <<-'END'
		#!/bin/sh
		case $1 in
		*/privkey.pem) for to; do :; done; : > "$to/privkey.pem"; exit 1 ;;
		esac
		PATH=${PATH#*:} exec mv "$@"
	END
	chmod 755 "$T/full/mv"
	PATH=$T/full:$PATH run enable
	[ "$status" -ne 0 ]
	enable
	openssl pkey -noout -in "$root/etc/facteur/tls/default/privkey.pem"
	openssl x509 -noout -in "$root/etc/facteur/tls/default/fullchain.pem"
	[ "$(ls "$root/etc/facteur")" = "$(printf 'facteur.conf\ntls')" ]
}

@test "an entry of which enable could not write all is made when it is repeated" {
	put
	mkdir "$T/full"
	mkdir -p "$root/etc"
	printf 'daytime stream tcp nowait root internal' > "$root/etc/inetd.conf"
	cp "$root/etc/inetd.conf" "$T/was"
	cat > "$T/full/grep" <<-'END'
		#!/bin/sh
		case $1 in
		'^pop3[[:space:]]') printf 'pop3 stre'; exit 2 ;;
		esac
		PATH=${PATH#*:} exec grep "$@"
	END
	chmod 755 "$T/full/grep"
	PATH=$T/full:$PATH run enable
	[ "$status" -ne 0 ]
	cmp "$T/was" "$root/etc/inetd.conf"
	[ ! -e "$root/etc/inetd.conf.facteur" ]
	enable
	grep -q '^pop3[[:space:]].*/popd' "$root/etc/inetd.conf"
}

@test "what enable could not write on a full disk is made when it is repeated" {
	put
	mkdir -p "$root/etc/cron.d"
	ROOT=$root SBIN=/usr/local/sbin \
	    run bash -c 'trap "" XFSZ; ulimit -f 0; etc/enable'
	[ "$status" -ne 0 ]
	mkdir -p "$root/etc/facteur/tls"
	enable
	grep -q '^hostname ' "$root/etc/facteur/facteur.conf"
	rm "$root/etc/aliases" "$root/etc/cron.d/facteur"
	ROOT=$root SBIN=/usr/local/sbin \
	    run bash -c 'trap "" XFSZ; ulimit -f 0; etc/enable'
	[ "$status" -ne 0 ]
	enable
	cmp etc/aliases "$root/etc/aliases"
}

@test "README and the pages show the entries of the sample" {
	put
	sed -n 's/^[[:space:]]*\([a-z0-9]* stream tcp nowait.*\)/\1/p' README man/* > "$T/shown"
	[ "$(sort -u "$T/shown")" = "$(grep stream "$root/usr/local/share/facteur/inetd.conf" |
	    tr '\t' ' ' | sort)" ]
}

@test "the sample's defaults are the programs' defaults" {
	while read -r key value; do
		want=$(sed -n "s/^[[:space:]]*{ *\"$key\", *[A-Z]*, *AT([a-z_]*), *\"\(.*\)\", .*/\1/p" lib/conf.c)
		case $key in
		hostname | origin | domains | programs) continue ;;
		esac
		[ "$value" = "$want" ] || {
			echo "$key: $value, not $want"
			return 1
		}
	done < <(sed -n 's/^#\([a-z_][a-z_]*\)\( \(.*\)\)\{0,1\}$/\1 \3/p' etc/facteur.conf)
}

@test "what an administrator changed stays" {
	put
	mkdir -p "$root/etc/cron.d" "$root/etc/facteur" "$root/usr/sbin"
	mkdir "$root/etc/facteur/tls"
	printf '# %s off for now: /usr/local/sbin/%s\n' smtp smtpd pop3 popd imap2 imapd \
	    submission smtpd submissions smtpd pop3s popd imaps imapd \
	    > "$root/etc/inetd.conf"
	echo 'hostname my.test' > "$root/etc/facteur/facteur.conf"
	ln -s not-there-yet "$root/etc/aliases"
	echo '# mine' > "$root/etc/cron.d/facteur"
	echo other > "$root/usr/sbin/sendmail"
	state > "$T/before"
	run enable
	[ "$status" -eq 0 ]
	[[ $output == *'/etc/cron.d/facteur: is yours'* ]]
	[[ $output == *'/usr/sbin/sendmail: belongs to another'* ]]
	[ ! -e "$root/usr/lib/sendmail" ]
	run disable
	[[ $output == *'/etc/cron.d/facteur: was changed'* ]]
	state > "$T/after"
	diff "$T/before" "$T/after"
}

@test "enable makes a certificate that can be served, and keeps one that is there" {
	need openssl
	put
	mkdir -p "$root/etc"
	: > "$root/etc/inetd.conf"
	run enable
	[[ $output == *'/etc/facteur/tls: made'* ]]
	key=$root/etc/facteur/tls/default/privkey.pem
	[ "$(stat -c %a "$key")" = 600 ]
	openssl x509 -in "${key%/*}/fullchain.pem" -noout -checkhost "$(hostname -f 2> /dev/null || hostname)" |
	    grep -q 'does match'
	openssl pkey -in "$key" -noout
	cksum "$key" > "$T/before"
	enable
	cksum "$key" | cmp "$T/before"
}

@test "the certificate has the name of the configuration, however that is written" {
	need openssl
	put
	mkdir -p "$root/etc/facteur"
	: > "$root/etc/inetd.conf"
	while read -r line name; do
		printf "$line\n" > "$root/etc/facteur/facteur.conf"
		rm -rf "$root/etc/facteur/tls"
		enable
		openssl x509 -in "$root/etc/facteur/tls/default/fullchain.pem" -noout -subject |
		    grep -q "CN = $name\$"
	done <<-'END'
		hostname\040mail.test\040 mail.test
		hostname\040mail.test\r mail.test
		\040hostname\tmail.test mail.test
		hostname\040my_host.test my_host.test
	END
}

@test "a certificate that cannot be made is no certificate" {
	put
	mkdir -p "$root/etc/xinetd.d" "$T/bin"
	printf '#!/bin/sh\nexit 1\n' > "$T/bin/openssl"
	chmod 755 "$T/bin/openssl"
	PATH=$T/bin:$PATH run enable
	[ "$status" -ne 0 ]
	[ ! -e "$root/etc/facteur/tls" ]
}

@test "a certificate for which there is no room is none, and is made when there is" {
	[ "$EUID" -eq 0 ] || skip 'needs root'
	need openssl
	mkdir "$T/disk"
	run unshare -m bash -c '
		mount -t tmpfs -o size=4k none "$0" || exit 99
		! etc/selfsigned a.test "$0/tls/default" || exit 1
		[ -z "$(ls -A "$0")" ] || exit 2
		mount -o remount,size=1m "$0" || exit 99
		etc/selfsigned a.test "$0/tls/default" || exit 3
		ls -A "$0/tls/default"' "$T/disk"
	[ "$status" -ne 99 ] || skip 'no file system of its own here'
	[ "$status" -eq 0 ]
	[ "${lines[-2]} ${lines[-1]}" = 'fullchain.pem privkey.pem' ]
}

@test "enable stops at a configuration with errors, and names them" {
	put
	mkdir -p "$root/etc/facteur"
	: > "$root/etc/inetd.conf"
	printf '\nhostname a b\n' > "$root/etc/facteur/facteur.conf"
	run enable
	[ "$status" -ne 0 ]
	[[ $output == *"facteur.conf:2: hostname: 'a b'"* ]]
	[ ! -s "$root/etc/inetd.conf" ]
}

@test "without a certificate nothing that needs one is put in service" {
	put
	mkdir -p "$root/etc/xinetd.d"
	sed 's/openssl/no-such-program/' etc/enable > "$T/enable"
	ROOT=$root SBIN=/usr/local/sbin run sh "$T/enable"
	[[ $output == *'no certificate'* ]]
	[ "$(ls "$root/etc/xinetd.d")" = "$(printf '%s\n' facteur facteur-imap facteur-pop3)" ]
}

@test "another mail system's smtp entry is left alone" {
	put
	mkdir "$root/etc"
	echo 'smtp stream tcp nowait mail /usr/sbin/exim exim -bs' > "$root/etc/inetd.conf"
	cp "$root/etc/inetd.conf" "$T/before"
	run enable
	[[ $output == *'another smtp entry'* ]]
	cmp "$T/before" <(grep -vE '^(pop3|imap|submission)' "$root/etc/inetd.conf")
	grep -q '^pop3' "$root/etc/inetd.conf"
}

@test "another mail system's entries are known by address, number and other names" {
	put
	mkdir "$root/etc"
	cat > "$root/etc/inetd.conf" <<-'END'
		127.0.0.1:smtp stream tcp nowait mail /usr/sbin/exim exim -bs
		*:pop-3	stream	tcp	nowait	root	/usr/sbin/popa3d	popa3d
		imap stream tcp nowait root /usr/sbin/other other
		993 stream tcp nowait root /usr/sbin/other other
	END
	run enable
	for s in smtp pop3 imap2 imaps; do
		[[ $output == *"another $s entry"* ]]
	done
	[[ $output == *'pop3s added'* ]]
	run grep -E '^(smtp|pop3|imap2|imaps)[[:space:]]' "$root/etc/inetd.conf"
	[ "$status" -eq 1 ]
	rm "$root/etc/inetd.conf"
	mkdir "$root/etc/xinetd.d"
	printf 'service smtp\n{\n\tserver = /usr/sbin/exim\n}\n' > "$root/etc/xinetd.d/exim"
	run enable
	[[ $output == *'another smtp entry'* ]]
	[ ! -e "$root/etc/xinetd.d/facteur" ]
	[ -e "$root/etc/xinetd.d/facteur-imap" ]
}

@test "disable leaves inetd.conf whole on a full disk, and without its samples" {
	put
	mkdir "$root/etc"
	printf 'ftp stream tcp nowait root /bin/ftpd ftpd\n\n' > "$root/etc/inetd.conf"
	enable
	cp "$root/etc/inetd.conf" "$T/before"
	ROOT=$root SBIN=/usr/local/sbin \
	    run bash -c 'trap "" XFSZ; ulimit -f 0; etc/disable'
	[ "$status" -ne 0 ]
	cmp "$T/before" "$root/etc/inetd.conf"
	rm -r "$root/usr/local/share/facteur"
	run disable
	[ "$status" -ne 0 ]
	cmp "$T/before" "$root/etc/inetd.conf"
}

@test "an inetd that is gone holds up neither enable nor disable" {
	machine '
		touch /etc/inetd.conf
		sleep 0 & wait "$!"
		echo "$!" | tee /run/inetd.pid > /run/xinetd.pid
		mkdir -p /etc/cron.d
		etc/enable && ls /etc/cron.d/facteur && etc/disable &&
		    [ ! -e /etc/cron.d/facteur ]'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'inetd: (re)start it now'* ]]
}

@test "where systemd runs an inetd that cannot be restarted is told" {
	machine '
		touch /etc/inetd.conf
		mkdir -p /run/systemd/system /etc/cron.d
		printf "#!/bin/sh\n[ \"\$1\" != restart ]\n" \
		    > /run/bin/systemctl
		chmod 755 /run/bin/systemctl
		! etc/enable || exit
		printf "#!/bin/sh\necho told \"\$@\"\n[ \"\$*\" != \"restart inetd\" ]\n" \
		    > /run/bin/systemctl
		etc/enable && echo + && etc/disable'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'not in service yet: inetd;'* ]]
	[[ $output == *'inetd: restarted'*+*'told restart inetutils-inetd'* ]]
}

@test "cron.d without a cron: systemd has the queue run" {
	machine '
		rm -f /etc/inetd.conf
		mkdir -p /run/systemd/system /etc/systemd/system /etc/cron.d
		printf "#!/bin/sh\n" > /run/bin/systemctl
		chmod 755 /run/bin/systemctl
		mkdir /run/no
		ln -s /usr/sbin/* /run/no
		ln -s /usr/bin/* /run/no 2> /dev/null
		rm -f /run/no/cron /run/no/crond
		PATH=/run/bin:/run/no etc/enable || exit
		ls /etc/systemd/system/facteur-queue.timer && [ ! -e /etc/cron.d/facteur ]'
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "a socket that systemd cannot start is told, and tried again" {
	machine '
		rm -f /etc/inetd.conf
		mkdir -p /run/systemd/system /etc/systemd/system /etc/cron.d
		ln -s /bin/true /run/bin/cron
		printf "#!/bin/sh\n[ \"\$*\" != \"enable --now facteur.socket\" ]\n" \
		    > /run/bin/systemctl
		chmod 755 /run/bin/systemctl
		! etc/enable && ! etc/enable && ls /etc/cron.d/facteur &&
		    ls /etc/systemd/system/facteur-imaps.socket || exit
		printf "#!/bin/sh\n" > /run/bin/systemctl
		etc/enable && ls /etc/systemd/system/facteur.socket'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'not in service yet: facteur.socket'* ]]
}

@test "enable with xinetd" {
	put
	mkdir -p "$root/etc/xinetd.d"
	enable
	cd "$root/etc/xinetd.d"
	[ "$(cat ./* | grep -c '^service ')" -eq 7 ]
	grep -q '^service submissions$' facteur-submissions
	grep -q '	server_args	= -as$' facteur-submissions
	run grep -r server_args facteur facteur-imap
	[ "$status" -eq 1 ]
	run grep -r @ .
	[ "$status" -eq 1 ]
	cd "$REPO"
	disable
	[ -z "$(ls "$root/etc/xinetd.d")" ]
}

@test "enable with systemd, and no cron" {
	put
	mkdir -p "$root/etc/systemd/system"
	enable
	units=$root/etc/systemd/system
	for u in facteur facteur-{submission,submissions,pop3,pop3s,imap,imaps}; do
		[ -e "$units/$u.socket" ]
		[ -e "$units/$u@.service" ]
	done
	grep -q '^ListenStream=993$' "$units/facteur-imaps.socket"
	grep -q '^ExecStart=-/usr/local/sbin/imapd -s$' "$units/facteur-imaps@.service"
	grep -q '^ExecStart=-/usr/local/sbin/imapd$' "$units/facteur-imap@.service"
	[ -e "$units/facteur-queue.timer" ]
	disable
	[ -z "$(ls "$units")" ]
}

@test "systemd finds no fault with the units" {
	need systemd-analyze
	put
	mkdir "$T/units"
	for u in "$root"/usr/local/share/facteur/systemd/*; do
		sed "s|/usr/local/s[a-z/]*/[a-z]*|/bin/true|" "$u" > "$T/units/${u##*/}"
	done
	cd "$T/units"
	run systemd-analyze verify --man=no ./*
	echo "$output"
	[[ $output != *facteur* ]]
}

@test "cron line: only when queuerun is there" {
	grep -q '^\* \* \* \* \* root \[ -x \(.*/queuerun\) \] && \1 -w 60$' etc/cron.d/facteur
}

@test "fail2ban finds the address of a client that was refused" {
	need fail2ban-regex
	instance a a.test 'relay_from 192.0.2.1'
	inetd a "$NET.1"
	talk "$NET.1" > /dev/null <<-'END'
		EHLO x.test
		MAIL FROM:<jo@x.test>
		RCPT TO:<nobody-here@a.test>
		RCPT TO:<al@far.test>
		QUIT
	END
	f2b=$T/fail2ban
	conf=$PEERS/etc/fail2ban
	[ -d "$conf" ] || conf=/etc/fail2ban
	cp -r "$conf" "$f2b"
	cp etc/fail2ban/filter.conf "$f2b/filter.d/facteur.conf"
	PYTHONPATH=$PEERS/usr/lib/python3/dist-packages \
	    run python3 "$(peer fail2ban-regex)" -c "$f2b" "$D/log" \
	    "$f2b/filter.d/facteur.conf[mode=more]"
	echo "$output"
	grep -qE 'Failregex: 2 total' <<< "$output"
}

@test "fail2ban reads our lines, and not Postfix's, from a journal" {
	need fail2ban-client
	f2b=$T/fail2ban
	conf=$PEERS/etc/fail2ban
	[ -d "$conf" ] || conf=/etc/fail2ban
	cp -r "$conf" "$f2b"
	cp etc/fail2ban/filter.conf "$f2b/filter.d/facteur.conf"
	cp etc/fail2ban/login.conf "$f2b/filter.d/facteur-login.conf"
	sed 's/^logpath.*/backend = systemd/' etc/fail2ban/jail.conf > "$f2b/jail.local"
	rm -f "$f2b"/jail.d/*
	PYTHONPATH=$PEERS/usr/lib/python3/dist-packages \
	    run python3 "$(peer fail2ban-client)" -c "$f2b" -d
	[ "$(grep addjournalmatch <<< "$output")" = "\
['set', 'facteur', 'addjournalmatch', 'SYSLOG_IDENTIFIER=facteur/smtpd']
['set', 'facteur-login', 'addjournalmatch', 'SYSLOG_IDENTIFIER=facteur/popd', '+', 'SYSLOG_IDENTIFIER=facteur/imapd']" ]
}
