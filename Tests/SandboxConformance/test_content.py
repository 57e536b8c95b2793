"""files/download, get_metadata, upload."""

import datetime
import hashlib

import pytest
import requests
from dropbox import exceptions, files

from conftest import TOKEN


def content_hash(data):
    blocks = [data[at:at + 4194304] for at in range(0, len(data), 4194304)]
    return hashlib.sha256(b"".join(hashlib.sha256(block).digest() for block in blocks)).hexdigest()


@pytest.mark.parametrize("path", ["/plain.txt", "/Büro/日記 🎈.txt", "/a b/c'\"&.txt", "/ctl\x07\n.txt"])
def test_up_and_down_again(dbx, path):
    data = "Grüße\n".encode() * 1000
    up = dbx.files_upload(data, path, client_modified=datetime.datetime(2020, 2, 29, 12, 30, 1))
    assert up.content_hash == content_hash(data)
    assert up.client_modified == datetime.datetime(2020, 2, 29, 12, 30, 1)
    for address in [path, path.upper(), up.id, f"rev:{up.rev}"]:
        meta, answer = dbx.files_download(address)
        assert answer.content == data
        assert (meta.rev, meta.size, meta.name) == (up.rev, len(data), path.rsplit("/", 1)[1])
    assert answer.headers["ETag"] == f'W/"{up.rev}"'
    assert answer.headers["Dropbox-API-Result"].isascii()


def test_sizes_around_a_block(dbx):
    for size in [0, 1, 4194303, 4194304, 4194305]:
        data = bytes(range(256)) * (size // 256) + bytes(size % 256)
        up = dbx.files_upload(data, f"/size {size}")
        assert (up.size, up.content_hash) == (size, content_hash(data))
        assert dbx.files_download(f"/size {size}")[1].content == data


def test_an_old_revision_stays(dbx):
    first = dbx.files_upload(b"one", "/f")
    second = dbx.files_upload(b"two", "/f", mode=files.WriteMode.update(first.rev))
    assert second.id == first.id and second.rev > first.rev
    dbx.files_delete_v2("/f")
    assert dbx.files_download(f"rev:{first.rev}")[1].content == b"one"


def ranged(sandbox, path, value, **headers):
    return requests.post(
        f"{sandbox.url}/2/files/download",
        headers={
            "Authorization": f"Bearer {TOKEN}", "Dropbox-API-Arg": '{"path":"%s"}' % path, "Range": value, **headers})


@pytest.mark.parametrize(
    "value, body, place",
    [("bytes=2-4", b"234", "2-4"), ("bytes=7-", b"789", "7-9"), ("bytes=-2", b"89", "8-9"),
     ("bytes=5-900", b"56789", "5-9")])
def test_ranges(sandbox, dbx, value, body, place):
    rev = dbx.files_upload(b"0123456789", "/digits").rev
    answer = ranged(sandbox, "/digits", value)
    assert (answer.status_code, answer.content) == (206, body)
    assert answer.headers["Content-Range"] == f"bytes {place}/10"
    assert rev in answer.headers["Dropbox-API-Result"] and '"size":10' in answer.headers["Dropbox-API-Result"]


@pytest.mark.parametrize("status", [416, 409])
def test_unsatisfiable_range(sandbox, dbx, status):
    sandbox.command("settings", unsatisfiable_range=status)
    dbx.files_upload(b"0123456789", "/digits")
    dbx.files_upload(b"", "/empty")
    assert ranged(sandbox, "/digits", "bytes=10-").status_code == status
    assert ranged(sandbox, "/empty", "bytes=0-0").status_code == status


def test_download_by_get(sandbox, dbx):
    up = dbx.files_upload(b"cached", "/c")
    url = f"{sandbox.url}/2/files/download"
    query = {"arg": '{"path":"/c"}', "authorization": f"Bearer {TOKEN}"}
    answer = requests.get(url, params=query)
    assert answer.content == b"cached"
    again = requests.get(url, params=query, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert up.rev in answer.headers["ETag"]


@pytest.mark.parametrize("route", ["files_download", "files_get_metadata"])
@pytest.mark.parametrize("address", ["/none", "id:AAAAAAAAAAAAAAAAAAAAAA", "rev:123456789abcdef"])
def test_what_is_not_there(dbx, route, address):
    with pytest.raises(exceptions.ApiError) as caught:
        getattr(dbx, route)(address)
    assert caught.value.error.get_path().is_not_found()


def test_what_cannot_be_downloaded(sandbox, dbx):
    sandbox.command("folder", path="/folder")
    sandbox.command("put", path="/blocked", text="b", restricted=True)
    sandbox.command("document", path="/sheet.gsheet", kind="gsheet")
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_download("/folder")
    assert caught.value.error.get_path().is_not_file()
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_download("/blocked")
    assert caught.value.error.get_path().is_restricted_content()
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_download("/sheet.gsheet")
    assert caught.value.error.is_unsupported_file()
    sheet = dbx.files_get_metadata("/sheet.gsheet")
    assert not sheet.is_downloadable and sheet.export_info.export_as == "xlsx"


def test_metadata(sandbox, dbx):
    sandbox.command("put", path="/Link", text="", symlink="target/of link", client_modified=0)
    sandbox.command("folder", path="/Folder")
    link = dbx.files_get_metadata("/link")
    assert (link.symlink_info.target, link.client_modified.year) == ("target/of link", 1970)
    assert isinstance(dbx.files_get_metadata("/FOLDER"), files.FolderMetadata)
    dbx.files_delete_v2("/link")
    gone = dbx.files_get_metadata("/link", include_deleted=True)
    assert isinstance(gone, files.DeletedMetadata) and gone.path_display == "/Link"


def conflict(call, *arguments, **options):
    with pytest.raises(exceptions.ApiError) as caught:
        call(*arguments, **options)
    return caught.value.error.get_path().reason.get_conflict()._tag


def test_upload_conflicts(sandbox, dbx):
    first = dbx.files_upload(b"one", "/f.txt")
    assert dbx.files_upload(b"one", "/F.TXT").rev == first.rev
    assert conflict(dbx.files_upload, b"two", "/f.txt") == "file"
    assert conflict(dbx.files_upload, b"one", "/f.txt", strict_conflict=True) == "file"
    assert conflict(dbx.files_upload, b"two", "/f.txt", mode=files.WriteMode.update("123456789")) == "file"
    assert conflict(dbx.files_upload, b"two", "/f.txt/below") == "file_ancestor"
    sandbox.command("folder", path="/d")
    assert conflict(dbx.files_upload, b"two", "/d", mode=files.WriteMode.overwrite) == "folder"
    renamed = dbx.files_upload(b"two", "/f.txt", autorename=True)
    assert renamed.name == "f (1).txt"
    copied = dbx.files_upload(b"three", "/f.txt", mode=files.WriteMode.update("123456789"), autorename=True)
    assert copied.name == "f (conflicted copy).txt"
    assert dbx.files_upload(b"two", "/f.txt", mode=files.WriteMode.overwrite).rev != first.rev


def test_upload_refusals(sandbox, dbx):
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_upload(b"x", "/.dropbox")
    assert caught.value.error.get_path().reason.is_disallowed_name()
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_upload(b"x", "/a/../b")
    assert caught.value.error.get_path().reason.is_malformed_path()
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_upload(b"x", "/x", content_hash="0" * 64)
    assert caught.value.error.is_content_hash_mismatch()
    sandbox.command("settings", upload_limit=10)
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_upload(b"12345678901", "/x")
    assert caught.value.error.is_payload_too_large()
    assert sandbox.tree() == {}
