#!/bin/sh
# new-module.sh NAME - make src/modules/NAME from the template tools/module, which passes its own test.
set -eu
name=${1:-}
case $name in
'' | *[!a-z]*)
    echo "usage: tools/new-module.sh lowercase_letters_only" >&2
    exit 2
    ;;
esac
cd "$(dirname "$0")/.."
to=src/modules/$name
if [ -e "$to" ]; then
    echo "$to exists already" >&2
    exit 1
fi
upper=$(echo "$name" | tr '[:lower:]' '[:upper:]')
prefix=$(printf %.4s "$name") # Of its ids: one kind, one prefix.
mkdir -p "$to/schema"
for file in tools/module/template* tools/module/README.md tools/module/schema/*; do
    new=$to/${file#tools/module/}
    new=$(echo "$new" | sed "s/template/$name/")
    sed "s/template/$name/g; s/TEMPLATE/$upper/g; s/tmpl/$prefix/g" "$file" > "$new"
done
clang-format -i "$to"/*.[ch]
echo "made $to: now say in $to/$name.h what must stay true"
