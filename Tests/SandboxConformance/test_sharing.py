"""Shared folders and team spaces, as listings and path roots show them."""

import pytest
from dropbox import common, exceptions, files


def shared(sandbox, path="/S", id="9001", **options):
    sandbox.command("shared-folder", id=id, **options)
    for name in ["/b", "/F/c"]:
        sandbox.command("put", namespace=id, path=name, text=name)
    sandbox.command("mount", id=id, path=path)


def news(dbx, cursor):
    entries = dbx.files_list_folder_continue(cursor).entries
    return [(type(entry).__name__[:-8], entry.path_lower) for entry in entries]


def cursor_of(dbx):
    return dbx.files_list_folder_get_latest_cursor("", recursive=True).cursor


def test_what_entries_say(sandbox, dbx):
    shared(sandbox)
    entries = {entry.path_lower: entry for entry in dbx.files_list_folder("", recursive=True).entries}
    assert entries["/s"].sharing_info.shared_folder_id == "9001"
    assert entries["/s"].sharing_info.parent_shared_folder_id is None
    for path in ["/s/b", "/s/f", "/s/f/c"]:
        assert entries[path].sharing_info.parent_shared_folder_id == "9001"
        assert not entries[path].sharing_info.read_only


def test_mounted_and_unmounted(sandbox, dbx):
    cursor = cursor_of(dbx)
    shared(sandbox)
    assert news(dbx, cursor) == [("Folder", "/s"), ("File", "/s/b"), ("Folder", "/s/f"), ("File", "/s/f/c")]
    cursor = cursor_of(dbx)
    dbx.files_delete_v2("/s")
    assert news(dbx, cursor) == [("Deleted", "/s")]
    assert sandbox.command("shared-folders", method="GET") == {"9001": ""}
    shared(sandbox, "/Team", "9002", team=True)
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_delete_v2("/team")
    assert caught.value.error.get_path_write().is_team_folder()


def test_access(sandbox, dbx):
    shared(sandbox)
    cursor = cursor_of(dbx)
    sandbox.command("access", path="/S", see="nothing")
    assert news(dbx, cursor) == [("Folder", "/s"), ("Deleted", "/s/b"), ("Deleted", "/s/f")]
    assert dbx.files_get_metadata("/s").sharing_info.no_access
    sandbox.command("access", path="/S", see="all")
    sandbox.command("access", path="/S", see=["F"])
    assert dbx.files_get_metadata("/s").sharing_info.traverse_only
    assert [entry.name for entry in dbx.files_list_folder("/s").entries] == ["F"]


def test_read_only(sandbox, dbx):
    shared(sandbox)
    sandbox.command("access", path="/S", read_only=True)
    assert dbx.files_get_metadata("/s/b").sharing_info.read_only
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_upload(b"x", "/s/x")
    assert caught.value.error.get_path().reason.is_no_write_permission()
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_create_folder_v2("/s/folder")
    assert caught.value.error.get_path().is_no_write_permission()


def test_a_shared_folder_as_the_root(sandbox, dbx):
    shared(sandbox)
    rooted = dbx.with_path_root(common.PathRoot.namespace_id("9001"))
    assert sorted(entry.name for entry in rooted.files_list_folder("").entries) == ["F", "b"]
    assert rooted.files_download("/b")[1].content == b"/b"
    assert rooted.files_upload(b"n", "/new").path_lower == "/new"
    assert dbx.files_get_metadata("/s/new").size == 1
    sandbox.command("access", path="/S", see="nothing")
    with pytest.raises(exceptions.PathRootError) as caught:
        rooted.files_list_folder("")
    assert caught.value.error.is_no_permission()


def test_a_team(sandbox, dbx):
    dbx.files_upload(b"a", "/a")
    cursor = cursor_of(dbx)
    sandbox.command("join-team", root_namespace="90001", home="Ana Ruiz")
    sandbox.command("put", path="/Team/t", text="t")
    assert news(dbx, cursor) == []
    info = dbx.users_get_current_account().root_info
    assert isinstance(info, common.TeamRootInfo) and info.home_path == "/Ana Ruiz"
    team = dbx.with_path_root(common.PathRoot.root("90001"))
    names = {entry.path_display for entry in team.files_list_folder("", recursive=True).entries}
    assert names == {"/Ana Ruiz", "/Ana Ruiz/a", "/Team", "/Team/t"}
    with pytest.raises(exceptions.ApiError) as caught:
        team.files_list_folder_continue(cursor)
    assert caught.value.error.is_reset()
    sandbox.command("settings", root_info_says_user=True)
    info = dbx.users_get_current_account().root_info
    assert isinstance(info, common.UserRootInfo) and info.home_path == "/Ana Ruiz"


def test_a_symbolic_link_is_lost_by_revision(sandbox, dbx):
    sandbox.command("put", path="/link", text="", symlink="over/there")
    listed = dbx.files_list_folder("").entries[0]
    assert listed.symlink_info.target == "over/there"
    assert dbx.files_get_metadata(f"rev:{listed.rev}").symlink_info is None
    assert isinstance(listed, files.FileMetadata)
