#!/bin/sh
# nginx.sh PREFIX PORT BODY_BYTES [WORKERS] - run nginx.conf in the foreground from the empty folder
# PREFIX: `return 200` with a body of that size.  Started by root it runs as nobody.
set -eu
[ $# -ge 3 ] || { echo "usage: nginx.sh PREFIX PORT BODY_BYTES [WORKERS]" >&2; exit 2; }
here=$(dirname "$0")
prefix=$1
nginx=$(command -v nginx || echo /usr/sbin/nginx)
body=$(head -c "$3" /dev/zero | tr '\0' x)

sed -e "s|@PREFIX@|$prefix|g" -e "s|@PORT@|$2|" -e "s|@WORKERS@|${4:-1}|" -e "s|@BODY@|$body|" \
    "$here/nginx.conf" > "$prefix/nginx.conf"
if [ "$(id -u)" = 0 ]; then
    chown nobody "$prefix"
    exec setpriv --reuid nobody --regid nogroup --clear-groups \
        "$nginx" -p "$prefix" -c "$prefix/nginx.conf" -e "$prefix/error.log"
fi
exec "$nginx" -p "$prefix" -c "$prefix/nginx.conf" -e "$prefix/error.log"
