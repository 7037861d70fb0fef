"""Mounts stacks of unpacked layers as overlays, as a container would see them, and prints what is in them as JSON.

Input: [{"name": ..., "layers": [lowest, ..., uppermost]}]; to be run in a mount namespace of its own.
Paths come out with surrogate escapes for bytes that are no UTF-8; content and attributes in latin1.
"""

import ctypes
import json
import os
import stat
import sys
import tempfile

libc = ctypes.CDLL(None, use_errno=True)
MS_RDONLY = 1
KINDS = {
    stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "char", stat.S_IFBLK: "block", stat.S_IFIFO: "fifo",
}


def check(result, what):
    if result != 0:
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno), what)


def describe(path):
    try:
        info = os.lstat(path)
    except FileNotFoundError:
        # Listed, but not there: a whiteout that overlayfs shows.
        return {"type": "ghost"}
    kind = KINDS[stat.S_IFMT(info.st_mode)]
    entry = {
        "type": kind, "mode": stat.S_IMODE(info.st_mode), "uid": info.st_uid, "gid": info.st_gid,
        "size": info.st_size, "mtimeNs": str(info.st_mtime_ns), "links": info.st_nlink, "inode": info.st_ino,
        "xattrs": {name: os.getxattr(path, name, follow_symlinks=False).decode("latin1")
                   for name in os.listxattr(path, follow_symlinks=False)},
    }
    if kind == "symlink":
        entry["target"] = os.readlink(path)
    if kind in ("char", "block"):
        entry["device"] = [os.major(info.st_rdev), os.minor(info.st_rdev)]
    if kind == "file" and info.st_size <= 65536:
        with open(path, encoding="latin1", newline="") as content:
            entry["content"] = content.read()
    return entry


def list_tree(root):
    tree = {"": describe(root)}
    for parent, dirs, files in os.walk(root):
        for name in dirs + files:
            path = os.path.join(parent, name)
            tree[os.path.relpath(path, root)] = describe(path)
    return tree


def main():
    trees = {}
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as work:
        empty, target = os.path.join(work, "empty"), os.path.join(work, "merged")
        os.mkdir(empty)
        os.mkdir(target)
        for stack in json.load(sys.stdin):
            lower = ":".join([*reversed(stack["layers"]), empty])
            check(libc.mount(b"overlay", target.encode(), b"overlay", MS_RDONLY, f"lowerdir={lower}".encode()), lower)
            try:
                trees[stack["name"]] = list_tree(target)
            finally:
                check(libc.umount2(target.encode(), 0), target)
    json.dump(trees, sys.stdout)


main()
