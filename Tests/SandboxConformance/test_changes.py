"""files/create_folder_v2, delete_v2, move_v2, copy_v2."""

import pytest
from dropbox import exceptions, files


def refused(call, *arguments, **options):
    with pytest.raises(exceptions.ApiError) as caught:
        call(*arguments, **options)
    return caught.value.error


def test_folders(sandbox, dbx):
    made = dbx.files_create_folder_v2("/Ä/B").metadata
    assert (made.name, made.path_display, made.path_lower) == ("B", "/Ä/B", "/ä/b")
    assert refused(dbx.files_create_folder_v2, "/ä/b").get_path().get_conflict().is_folder()
    assert dbx.files_create_folder_v2("/ä/b", autorename=True).metadata.name == "b (1)"
    assert sorted(sandbox.tree()) == ["/Ä", "/Ä/B", "/Ä/b (1)"]


def test_deletes(sandbox, dbx):
    sandbox.command("put", path="/d/e/f", text="f")
    rev = dbx.files_get_metadata("/d/e/f").rev
    assert refused(dbx.files_delete_v2, "/d/e/f", parent_rev="123456789").get_path_write().get_conflict().is_file()
    was = dbx.files_delete_v2("/d/e/f", parent_rev=rev).metadata
    assert isinstance(was, files.FileMetadata) and was.rev == rev
    was = dbx.files_delete_v2("/D").metadata
    assert isinstance(was, files.FolderMetadata) and was.path_display == "/d"
    assert refused(dbx.files_delete_v2, "/d").get_path_lookup().is_not_found()
    assert sandbox.tree() == {}


def test_moves(sandbox, dbx):
    sandbox.command("put", path="/a/x", text="x")
    sandbox.command("put", path="/b/x", text="other")
    before = dbx.files_get_metadata("/a/x")
    moved = dbx.files_move_v2("/a/x", "/c/d/y").metadata
    assert (moved.id, moved.path_display, moved.content_hash) == (before.id, "/c/d/y", before.content_hash)
    assert refused(dbx.files_move_v2, "/a/x", "/z").get_from_lookup().is_not_found()
    assert refused(dbx.files_move_v2, "/c/d/y", "/b/x").get_to().get_conflict().is_file()
    assert refused(dbx.files_move_v2, "/c", "/c/d/e").is_cant_move_folder_into_itself()
    assert dbx.files_move_v2("/c/d/y", "/b/x", autorename=True).metadata.name == "x (1)"
    assert sorted(sandbox.tree()) == ["/a", "/b", "/b/x", "/b/x (1)", "/c", "/c/d"]


def test_copies(sandbox, dbx):
    sandbox.command("put", path="/a/x", text="x")
    copied = dbx.files_copy_v2("/a", "/B").metadata
    assert isinstance(copied, files.FolderMetadata) and copied.id != dbx.files_get_metadata("/a").id
    old, new = dbx.files_get_metadata("/a/x"), dbx.files_get_metadata("/B/x")
    assert old.content_hash == new.content_hash and old.id != new.id
    assert refused(dbx.files_copy_v2, "/a", "/b").get_to().get_conflict().is_folder()
