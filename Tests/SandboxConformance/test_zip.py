"""files/download_zip, as the SDK and the standard library's zipfile see it."""

import datetime
import zipfile

import pytest
from dropbox import exceptions, files

FILES = {
    "/Top/plain.txt": b"plain", "/Top/empty": b"", "/Top/B\u00fcro/\u65e5\u8a18 \U0001f388.txt": b"diary",
    "/Top/cafe\u0301": b"decomposed", "/Top/a b/c'\"&.txt": b"signs" * 100_000, "/Top/PK": b"PK\x07\x08PK\x03\x04",
}


def fill(sandbox, dbx):
    for path, data in FILES.items():
        dbx.files_upload(data, path, client_modified=datetime.datetime(2020, 2, 29, 12, 30, 2))
    sandbox.command("folder", path="/Top/nothing in it")
    sandbox.command("document", path="/Top/sheet.gsheet", kind="gsheet")
    sandbox.command("put", path="/beside", text="beside")


def test_zip_to_file(sandbox, dbx, tmp_path):
    fill(sandbox, dbx)
    target = tmp_path / "top.zip"
    result = dbx.files_download_zip_to_file(str(target), "/TOP")
    assert isinstance(result.metadata, files.FolderMetadata)
    assert (result.metadata.name, result.metadata.path_lower) == ("Top", "/top")
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names[0] == "Top/"
        assert sorted(n for n in names if n.endswith("/")) == ["Top/", "Top/B\u00fcro/", "Top/a b/", "Top/nothing in it/"]
        assert {f"/{n}": archive.read(n) for n in names if not n.endswith("/")} == FILES
        assert archive.getinfo("Top/plain.txt").date_time == (2020, 2, 29, 12, 30, 2)


def test_zip_in_memory_by_id(sandbox, dbx):
    fill(sandbox, dbx)
    folder = dbx.files_get_metadata("/top/b\u00fcro")
    result, answer = dbx.files_download_zip(folder.id)
    assert result.metadata.id == folder.id
    assert "Content-Length" not in answer.headers and answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.content.startswith(b"PK\x03\x04")


@pytest.mark.parametrize("path, check", [("/none", "is_not_found"), ("/beside", "is_not_folder")])
def test_what_has_no_zip(sandbox, dbx, path, check):
    fill(sandbox, dbx)
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_download_zip(path)
    assert getattr(caught.value.error.get_path(), check)()


def test_limits(sandbox, dbx):
    fill(sandbox, dbx)  # 3 folders and 6 files in Top
    sandbox.command("settings", zip_entry_limit=10)
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_download_zip("/Top")
    assert caught.value.error.is_too_many_files()
    sandbox.command("settings", zip_entry_limit=11, zip_file_limit=500_000)
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_download_zip("/Top")
    assert caught.value.error.is_too_large()
    sandbox.command("settings", zip_file_limit=500_001)
    dbx.files_download_zip("/Top")
