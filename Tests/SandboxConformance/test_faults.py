"""Faults on demand, as the SDK sees them."""

import time

import pytest
import requests
from dropbox import exceptions
from stone.backends.python_rsrc.stone_validators import ValidationError


def test_rate_limit_is_waited_for(sandbox):
    dbx = sandbox.client(max_retries_on_rate_limit=3)
    sandbox.fault(kind="rate_limit", retry_after=1, times=2)
    start = time.monotonic()
    dbx.files_list_folder("")
    assert time.monotonic() - start >= 2
    assert [answer.status_code for answer in dbx._session.answers] == [429, 429, 200]
    assert dbx._session.answers[0].headers["Retry-After"] == "1"
    assert "retry_after" not in dbx._session.answers[0].json()["error"]


def test_long_rate_limit(sandbox, dbx):
    sandbox.fault(kind="rate_limit", reason="too_many_write_operations", retry_after=300)
    with pytest.raises(exceptions.RateLimitError) as caught:
        dbx.files_list_folder("")
    assert caught.value.backoff == 300 and caught.value.error.reason.is_too_many_write_operations()


def test_server_errors(sandbox, dbx):
    sandbox.fault(kind="status", status=503, body="")
    with pytest.raises(exceptions.InternalServerError):
        dbx.files_list_folder("")
    sandbox.fault(kind="status", status=400, body="nonsense")
    with pytest.raises(exceptions.BadInputError):
        dbx.files_list_folder("")


def test_only_where_it_was_asked_for(sandbox, dbx):
    dbx.files_upload(b"a", "/A")
    rev = dbx.files_upload(b"b", "/B").rev
    sandbox.fault(kind="error", tags=["path", "locked"], endpoint="files/download", path="/b", skip=1)
    dbx.files_download("/A")
    dbx.files_download("/B")
    dbx.files_list_folder("")
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_download(f"rev:{rev}")
    assert caught.value.error.get_path().is_locked()
    dbx.files_download("/B")


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
@pytest.mark.parametrize("reset", [False, True])
def test_lost_connections(sandbox, dbx, kind, reset):
    sandbox.fault(kind=kind, reset=reset, endpoint="files/upload")
    with pytest.raises(requests.ConnectionError):
        dbx.files_upload(b"x", "/x")
    assert ("/x" in sandbox.tree()) == (kind == "drop_after")


def test_bodies_that_are_wrong(sandbox, dbx):
    data = bytes(range(256)) * 40
    dbx.files_upload(data, "/x")
    sandbox.fault(kind="truncate", to=100)
    assert dbx.files_download("/x")[1].content == data[:100]
    sandbox.fault(kind="corrupt", at=[0, 77])
    got = dbx.files_download("/x")[1].content
    assert [at for at in range(len(data)) if got[at] != data[at]] == [0, 77]
    sandbox.fault(kind="cut", after=5000)
    with pytest.raises(requests.exceptions.RequestException):
        dbx.files_download("/x")[1].content
    sandbox.fault(kind="ignore_range")
    dbx._session.headers["Range"] = "bytes=5-"
    assert dbx.files_download("/x")[1].content == data
    assert dbx.files_download("/x")[1].content == data[5:]


@pytest.mark.parametrize("kind", ["unknown_entry", "unknown_tag", "malformed", "invalid_text", "html", "truncate"])
def test_answers_that_cannot_be_read(sandbox, dbx, kind):
    dbx.files_upload(b"x", "/x")
    sandbox.fault(kind=kind, endpoint="files/list_folder")
    # The SDK has no place for a kind of entry that it does not know, and asserts the type of the content.
    with pytest.raises((ValidationError, ValueError, AssertionError)):
        dbx.files_list_folder("")
    assert dbx._session.answers[-1].status_code == 200
    assert [entry.name for entry in dbx.files_list_folder("").entries] == ["x"]


def test_members_removed_and_changed(sandbox, dbx):
    dbx.files_upload(b"x", "/x")
    sandbox.fault(kind="remove", member="cursor")
    with pytest.raises(ValidationError):
        dbx.files_list_folder("")
    sandbox.fault(kind="set", member="rev", value="123456789abcdef", endpoint="files/download")
    assert dbx.files_download("/x")[0].rev == "123456789abcdef"


def test_the_log(sandbox, dbx):
    dbx.files_list_folder("")
    sandbox.fault(kind="status", status=500)
    with pytest.raises(exceptions.InternalServerError):
        dbx.files_list_folder("")
    log = sandbox.command("log", method="GET")
    assert [(entry["endpoint"], entry["status"]) for entry in log] == [
        ("files/list_folder", 200), ("files/list_folder", 500)]
    assert log[1]["fault"] and log[0]["request_id"] == dbx._session.answers[0].headers["X-Dropbox-Request-Id"]
    counters = sandbox.command("counters", method="GET")
    assert (counters["requests"], counters["faults"], counters["connections"]) == (2, 1, 1)
