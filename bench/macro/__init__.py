"""Real programs as rows: one file each, found in Debian, output checked against glibc's."""

from macro.gcc import Gcc
from macro.ghostscript import Ghostscript
from macro.git import GitGc
from macro.lua import Lua
from macro.nginx import Nginx
from macro.node import Node
from macro.perl import Perl
from macro.python import Python
from macro.redis import Redis
from macro.sqlite import Sqlite

# In the order in which they run.
PROGRAMS = (Python, Sqlite, Redis, Gcc, Lua, Perl, Node, GitGc, Ghostscript, Nginx)
