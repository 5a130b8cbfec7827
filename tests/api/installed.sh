#!/bin/sh
#
# installed.sh - what is installed: both libraries, every header, a version that agrees
here=$(dirname "$0")
. "$here/install.sh"

problems=0
problem()
{
	echo "$*" >&2
	problems=$((problems + 1))
}

[ -L "$lib/libbuddy.so" ] || problem "no link libbuddy.so to build with"
[ -f "$lib/libbuddy.so.0" ] || problem "no libbuddy.so.0"
[ -f "$lib/libbuddy.a" ] || problem "no libbuddy.a"
(cd "$here/../../include/buddy" && ls ./*.h) >"$scratch/ours"
(cd "$include/buddy" && ls ./*.h) >"$scratch/installed"
diff -u "$scratch/ours" "$scratch/installed" >&2 || problem "headers differ"

cat >"$scratch/version.c" <<'END'
#include <buddy/buddy.h>
#include <stdio.h>
int main(void)
{
	printf("%d.%d %s\n", BUDDY_VERSION_MAJOR, BUDDY_VERSION_MINOR, buddy_version());
}
END
gcc "$scratch/version.c" $(pkg-config --cflags --libs libbuddy) -o "$scratch/version"
LD_LIBRARY_PATH=$lib "$scratch/version" >"$scratch/version.out"
read -r macros function <"$scratch/version.out"
[ "$macros" = "$function" ] || problem "headers of $macros, library of $function"
case $(pkg-config --modversion libbuddy) in
"$macros".*) ;;
*) problem "libbuddy.pc is of $(pkg-config --modversion libbuddy), headers of $macros" ;;
esac

# The archive replaces malloc of the program that it is linked into.
if [ -f "$lib/libbuddy.a" ]; then
	gcc "$here/example.c" $(pkg-config --cflags libbuddy) "$lib/libbuddy.a" -pthread \
		-o "$scratch/static" || problem "example.c does not link with libbuddy.a"
	"$scratch/static" | diff -u "$here/example.expected" - >&2 ||
		problem "example.c fails with libbuddy.a"
fi
[ "$problems" -eq 0 ]
