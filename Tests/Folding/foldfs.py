#!/usr/bin/python3
"""A file system in memory that takes different names for the same, as casefold directories of ext4 do, for tests.

    foldfs.py DIRECTORY case|form

"case" folds case and forms of composition, "form" only the latter. It is mounted at DIRECTORY by FUSE until it is
unmounted; needs root or fusermount3, and the package python3-pyfuse3. Names keep the spelling they were made with.
"""

import errno
import os
import stat
import sys
import time
import unicodedata

import pyfuse3
import trio


class Node:
    """A folder, whose `children` are (name, node) by folded name, or a file."""

    def __init__(self, mode):
        self.mode = mode
        self.data = bytearray()
        self.children = {}
        self.links = 1  # of a folder: not counted
        self.mtime = time.time_ns()


class FoldingFS(pyfuse3.Operations):
    supports_dot_lookup = True

    def __init__(self, folds_case):
        super().__init__()
        self.folds_case = folds_case
        self.nodes = {pyfuse3.ROOT_INODE: Node(stat.S_IFDIR | 0o755)}
        self.next = pyfuse3.ROOT_INODE + 1

    # Helpers

    def fold(self, name):
        text = unicodedata.normalize("NFD", os.fsdecode(name))
        return unicodedata.normalize("NFD", text.casefold()) if self.folds_case else text

    def entry(self, parent, name):
        try:
            return self.nodes[parent].children[self.fold(name)]
        except KeyError:
            raise pyfuse3.FUSEError(errno.ENOENT) from None

    def add(self, parent, name, mode):
        children = self.nodes[parent].children
        if self.fold(name) in children:
            raise pyfuse3.FUSEError(errno.EEXIST)
        number, self.next = self.next, self.next + 1
        self.nodes[number] = Node(mode)
        children[self.fold(name)] = (name, number)
        return number

    def attributes(self, number):
        node = self.nodes[number]
        entry = pyfuse3.EntryAttributes()
        entry.st_ino, entry.st_mode, entry.st_nlink = number, node.mode, node.links
        entry.st_size, entry.st_blksize, entry.st_blocks = len(node.data), 4096, (len(node.data) + 511) // 512
        entry.st_uid, entry.st_gid = os.getuid(), os.getgid()
        entry.st_atime_ns = entry.st_mtime_ns = entry.st_ctime_ns = node.mtime
        entry.entry_timeout = entry.attr_timeout = 0
        return entry

    # Looking

    async def lookup(self, parent, name, ctx=None):
        if name in (b".", b".."):
            return self.attributes(parent)
        return self.attributes(self.entry(parent, name)[1])

    async def getattr(self, number, ctx=None):
        return self.attributes(number)

    async def opendir(self, number, ctx):
        return number

    async def readdir(self, number, start, token):
        for index, (name, child) in enumerate(list(self.nodes[number].children.values())[start:], start + 1):
            if not pyfuse3.readdir_reply(token, name, self.attributes(child), index):
                return

    async def statfs(self, ctx):
        found = pyfuse3.StatvfsData()
        found.f_bsize = found.f_frsize = 4096
        found.f_blocks = found.f_bfree = found.f_bavail = 1 << 20
        found.f_files = found.f_ffree = found.f_favail = 1 << 20
        found.f_namemax = 255
        return found

    # Changing

    async def setattr(self, number, attr, fields, fh, ctx):
        node = self.nodes[number]
        if fields.update_mode:
            node.mode = stat.S_IFMT(node.mode) | stat.S_IMODE(attr.st_mode)
        if fields.update_size:
            del node.data[attr.st_size:]
            node.data.extend(bytes(attr.st_size - len(node.data)))
        if fields.update_mtime:
            node.mtime = attr.st_mtime_ns
        return self.attributes(number)

    async def mkdir(self, parent, name, mode, ctx):
        return self.attributes(self.add(parent, name, stat.S_IFDIR | stat.S_IMODE(mode)))

    async def create(self, parent, name, mode, flags, ctx):
        number = self.add(parent, name, stat.S_IFREG | stat.S_IMODE(mode))
        return pyfuse3.FileInfo(fh=number), self.attributes(number)

    async def open(self, number, flags, ctx):
        return pyfuse3.FileInfo(fh=number)

    async def read(self, number, offset, size):
        return bytes(self.nodes[number].data[offset:offset + size])

    async def write(self, number, offset, data):
        node = self.nodes[number]
        node.data.extend(bytes(max(0, offset - len(node.data))))
        node.data[offset:offset + len(data)] = data
        node.mtime = time.time_ns()
        return len(data)

    async def unlink(self, parent, name, ctx):
        number = self.entry(parent, name)[1]
        if stat.S_ISDIR(self.nodes[number].mode):
            raise pyfuse3.FUSEError(errno.EISDIR)
        self.nodes[number].links = 0
        del self.nodes[parent].children[self.fold(name)]

    async def rmdir(self, parent, name, ctx):
        node = self.nodes[self.entry(parent, name)[1]]
        if not stat.S_ISDIR(node.mode):
            raise pyfuse3.FUSEError(errno.ENOTDIR)
        if node.children:
            raise pyfuse3.FUSEError(errno.ENOTEMPTY)
        node.links = 0
        del self.nodes[parent].children[self.fold(name)]

    async def rename(self, parent, name, new_parent, new_name, flags, ctx):
        number = self.entry(parent, name)[1]
        children = self.nodes[new_parent].children
        there = children.get(self.fold(new_name))
        if there and there[1] != number:
            if flags & pyfuse3.RENAME_NOREPLACE:
                raise pyfuse3.FUSEError(errno.EEXIST)
            if self.nodes[there[1]].children:
                raise pyfuse3.FUSEError(errno.ENOTEMPTY)
            self.nodes[there[1]].links = 0
        del self.nodes[parent].children[self.fold(name)]
        children[self.fold(new_name)] = (new_name, number)

    async def fsync(self, number, datasync):
        pass

    async def fsyncdir(self, number, datasync):
        pass

    async def flush(self, number):
        pass

    async def release(self, number):
        pass

    async def releasedir(self, number):
        pass


def main():
    directory, mode = sys.argv[1:]
    options = set(pyfuse3.default_options) | {"fsname=foldfs", "default_permissions"}
    pyfuse3.init(FoldingFS(mode == "case"), directory, options)
    try:
        trio.run(pyfuse3.main)
    finally:
        pyfuse3.close(unmount=True)


if __name__ == "__main__":
    main()
