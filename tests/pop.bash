# pop - what the suites about POP3 share: a popd that clients can reach.
# shellcheck shell=bash

# shellcheck disable=SC2034
POP_PORT=1110 POPS_PORT=1995 SECRET=secret
# shellcheck disable=SC2016
SECRET_HASH='$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1'

# tally COMMAND...: see tests/tally.py.
tally()
{
	python3 "$REPO/tests/tally.py" "$@"
}

# pop_inetd NAME ADDRESS: give the users of an instance a password, $SECRET, and
# put its popd under a real openbsd-inetd at ADDRESS:$POP_PORT, with -s at $POPS_PORT.
pop_inetd()
{
	sed -i "s|:x:|:$SECRET_HASH:|" "$T/$1/passwd"
	cat > "$T/popd-$1.conf" <<-END
		$2:$POP_PORT stream tcp nowait.1000000 $ME $(prog popd) popd -C $T/$1/facteur.conf
		$2:$POPS_PORT stream tcp nowait.1000000 $ME $(prog popd) popd -s -C $T/$1/facteur.conf
	END
	start "popd-$1" "$(peer inetd)" -i "$T/popd-$1.conf"
	wait_for listens "$2" "$POP_PORT"
}
