"""old in a docstring"""
import os
import os.path as old_path
import json as js
from os import (sep, path as p)
from collections import OrderedDict as old2
from .models import old as alias
from . import models
import old.sub as sub
from old import something
from .old import thing

__all__ = ["old"]
# old in a comment
old: int = 1
name = f"old {old} {old!r:>{old}} {old.old=} {{old}} {d['old']} {f'{old}'}"
raw = b"old" + "old" "old %s {old}".format(old=old)
call(old, old=old, *old, **old)
os.old(old=old, x=js.old)
os.path.old = self.old.old = dict.old


@old.old(old=1)
class Old(Base, metaclass=old):
    old = 1

    def old(self, /, old, *, kw=old, **old_kw) -> "old":
        nonlocal old
        global old
        return self.old


match old:
    case Point(old=old) if old:
        pass
    case {"old": old, **old_rest}:
        pass
    case old.CONST | [old, *old]:
        pass

[old for old in old if (old := old)]
lambda old, *args: old
del old
try:
    raise old from old
except old as old:
    pass
with old as old, open(old) as f:
    pass
type old[T] = list[T]
print(old, match, type)
async def go(): await old
