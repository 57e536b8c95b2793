"""files/upload_session/*: sequential and concurrent sessions, and batches of them."""

import concurrent.futures
import datetime
import random

import pytest
import requests
from dropbox import exceptions, files

from conftest import TOKEN
from test_content import content_hash

# The old append is still there for those who call it.
pytestmark = pytest.mark.filterwarnings("ignore:upload_session/append is deprecated")

BLOCK = 4194304
CONCURRENT = files.UploadSessionType.concurrent


def noise(size, seed=1):
    return random.Random(seed).randbytes(size)


def cursor(session, offset):
    return files.UploadSessionCursor(session, offset)


def refused(call, *arguments, **options):
    with pytest.raises(exceptions.ApiError) as caught:
        call(*arguments, **options)
    return caught.value.error


def start(dbx, data=b"", **options):
    return dbx.files_upload_session_start(data, **options).session_id


def test_one_after_the_other(dbx):
    data = noise(9_000_001)
    session = start(dbx, data[:BLOCK], content_hash=content_hash(data[:BLOCK]))
    dbx.files_upload_session_append_v2(
        data[BLOCK:BLOCK + 10], cursor(session, BLOCK), content_hash=content_hash(data[BLOCK:BLOCK + 10]))
    dbx.files_upload_session_append(data[BLOCK + 10:8_000_000], session, BLOCK + 10)
    commit = files.CommitInfo("/A/b.bin", client_modified=datetime.datetime(2020, 2, 29, 12, 30, 1))
    up = dbx.files_upload_session_finish(
        data[8_000_000:], cursor(session, 8_000_000), commit, content_hash=content_hash(data[8_000_000:]))
    assert (up.size, up.content_hash, up.path_display) == (len(data), content_hash(data), "/A/b.bin")
    assert up.client_modified == commit.client_modified
    assert dbx.files_download("/a/B.bin")[1].content == data
    again = refused(dbx.files_upload_session_finish, b"", cursor(session, len(data)), commit)
    assert again.get_lookup_failed().is_not_found()


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1])
def test_sizes(dbx, size):
    data = noise(size)
    session = start(dbx, data, close=True)
    up = dbx.files_upload_session_finish(b"", cursor(session, size), files.CommitInfo("/f"))
    assert (up.size, up.content_hash) == (size, content_hash(data))


def test_offsets(dbx):
    session = start(dbx, b"0123456789")
    assert refused(dbx.files_upload_session_append_v2, b"x", cursor(session, 5)).get_incorrect_offset().correct_offset == 10
    assert refused(dbx.files_upload_session_append_v2, b"x", cursor(session, 11)).get_incorrect_offset().correct_offset == 10
    assert refused(dbx.files_upload_session_append, b"x", session, 5).get_incorrect_offset().correct_offset == 10
    wrong = refused(dbx.files_upload_session_finish, b"", cursor(session, 9), files.CommitInfo("/f"))
    assert wrong.get_lookup_failed().get_incorrect_offset().correct_offset == 10
    dbx.files_upload_session_append_v2(b"", cursor(session, 10), close=True)
    assert refused(dbx.files_upload_session_append_v2, b"x", cursor(session, 10)).is_closed()
    closed = refused(dbx.files_upload_session_finish, b"x", cursor(session, 10), files.CommitInfo("/f"))
    assert closed.get_lookup_failed().is_closed()
    assert dbx.files_upload_session_finish(b"", cursor(session, 10), files.CommitInfo("/f")).size == 10


def test_hash_of_each_call(dbx):
    wrong = "0" * 64
    assert refused(dbx.files_upload_session_start, b"one", content_hash=wrong).is_content_hash_mismatch()
    session = start(dbx, b"one")
    assert refused(
        dbx.files_upload_session_append_v2, b"two", cursor(session, 3), content_hash=wrong).is_content_hash_mismatch()
    assert refused(
        dbx.files_upload_session_finish, b"two", cursor(session, 3), files.CommitInfo("/f"),
        content_hash=wrong).is_content_hash_mismatch()
    # What did not match was not taken.
    dbx.files_upload_session_append_v2(b"two", cursor(session, 3), content_hash=content_hash(b"two"))
    dbx.files_upload_session_finish(
        b"", cursor(session, 6), files.CommitInfo("/f"), content_hash=content_hash(b""))
    assert dbx.files_download("/f")[1].content == b"onetwo"


def test_sessions_end(sandbox, dbx):
    session = start(dbx, b"one")
    sandbox.command("expire-sessions")
    assert refused(dbx.files_upload_session_append_v2, b"x", cursor(session, 3)).is_not_found()
    assert refused(dbx.files_upload_session_append, b"x", session, 3).is_not_found()
    error = refused(dbx.files_upload_session_finish, b"", cursor(session, 3), files.CommitInfo("/f"))
    assert error.get_lookup_failed().is_not_found()
    sandbox.command("settings", session_life=0)
    session = start(dbx, b"one")
    assert refused(dbx.files_upload_session_append_v2, b"x", cursor(session, 3)).is_not_found()


def test_limits(sandbox, dbx):
    sandbox.command("settings", upload_limit=10)
    assert refused(dbx.files_upload_session_start, b"01234567890").is_payload_too_large()
    session = start(dbx, b"0123456789")
    assert refused(dbx.files_upload_session_append_v2, b"01234567890", cursor(session, 10)).is_payload_too_large()
    far = 2 ** 41
    session = start(dbx, session_type=CONCURRENT)
    assert refused(dbx.files_upload_session_append_v2, b"x", cursor(session, far), close=True).is_too_large()


# MARK: concurrent sessions


def test_in_any_order_and_at_once(dbx):
    data = noise(5 * BLOCK + 1234)
    session = start(dbx, session_type=CONCURRENT)
    places = list(range(0, len(data), BLOCK))
    random.Random(5).shuffle(places)

    def append(place):
        piece = data[place:place + BLOCK]
        dbx.files_upload_session_append_v2(
            piece, cursor(session, place), close=place + BLOCK >= len(data), content_hash=content_hash(piece))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(append, places))
    up = dbx.files_upload_session_finish(b"", cursor(session, len(data)), files.CommitInfo("/f"))
    assert (up.size, up.content_hash) == (len(data), content_hash(data))
    assert dbx.files_download("/f")[1].content == data


def test_concurrent_rules(dbx):
    assert refused(
        dbx.files_upload_session_start, b"x", session_type=CONCURRENT).is_concurrent_session_data_not_allowed()
    assert refused(
        dbx.files_upload_session_start, b"", close=True,
        session_type=CONCURRENT).is_concurrent_session_close_not_allowed()
    session = start(dbx, session_type=CONCURRENT)
    append, finish = dbx.files_upload_session_append_v2, dbx.files_upload_session_finish
    commit = files.CommitInfo("/f")
    assert refused(append, b"x", cursor(session, 0)).is_concurrent_session_invalid_data_size()
    assert refused(append, b"x", cursor(session, 1), close=True).is_concurrent_session_invalid_offset()
    assert refused(finish, b"", cursor(session, 0), commit).is_concurrent_session_not_closed()
    assert refused(finish, b"x", cursor(session, 0), commit).is_concurrent_session_data_not_allowed()
    append(b"end", cursor(session, BLOCK), close=True)
    assert refused(append, b"end", cursor(session, BLOCK), close=True).is_closed()
    assert refused(append, bytes(BLOCK), cursor(session, 2 * BLOCK)).is_concurrent_session_invalid_offset()
    assert refused(finish, b"", cursor(session, BLOCK + 3), commit).is_concurrent_session_missing_data()
    append(bytes(BLOCK), cursor(session, 0))
    assert refused(append, bytes(BLOCK), cursor(session, 0)).is_closed()
    wrong = refused(finish, b"", cursor(session, BLOCK), commit)
    assert wrong.get_lookup_failed().get_incorrect_offset().correct_offset == BLOCK + 3
    assert finish(b"", cursor(session, BLOCK + 3), commit).content_hash == content_hash(bytes(BLOCK) + b"end")


# MARK: batches


def test_batch(dbx):
    sessions = dbx.files_upload_session_start_batch(5).session_ids
    assert len(set(sessions)) == 5
    entries = []
    for number, session in enumerate(sessions):
        data = b"%d" % number * (number + 1)
        dbx.files_upload_session_append_v2(data, cursor(session, 0), close=number != 2)
        commit = files.CommitInfo("/.dropbox" if number == 3 else f"/d/{number}.txt")
        entries.append(files.UploadSessionFinishArg(cursor(session, len(data)), commit))
    entries.append(files.UploadSessionFinishArg(cursor("none", 1), files.CommitInfo("/n")))
    entries[4].cursor.offset = 1
    results = dbx.files_upload_session_finish_batch_v2(entries).entries
    assert [result.is_success() for result in results] == [True, True, False, False, False, False]
    assert results[1].get_success().content_hash == content_hash(b"11")
    assert results[2].get_failure().get_lookup_failed().is_not_closed()
    assert results[3].get_failure().get_path().is_disallowed_name()
    assert results[4].get_failure().get_lookup_failed().get_incorrect_offset().correct_offset == 5
    assert results[5].get_failure().get_lookup_failed().is_not_found()
    entries[4].cursor.offset = 5
    assert dbx.files_upload_session_finish_batch_v2([entries[4]]).entries[0].get_success().size == 5


def test_batch_of_concurrent_sessions(dbx):
    session = dbx.files_upload_session_start_batch(1, session_type=CONCURRENT).session_ids[0]
    entry = files.UploadSessionFinishArg(cursor(session, 0), files.CommitInfo("/f"))
    failure = dbx.files_upload_session_finish_batch_v2([entry]).entries[0].get_failure()
    assert failure.is_concurrent_session_not_closed()
    dbx.files_upload_session_append_v2(b"", cursor(session, 0), close=True)
    assert dbx.files_upload_session_finish_batch_v2([entry]).entries[0].get_success().size == 0


# MARK: what the account refuses


def test_conflict_leaves_the_session(dbx):
    dbx.files_upload(b"old", "/f.txt")
    session = start(dbx, b"new")
    taken = refused(dbx.files_upload_session_finish, b"er", cursor(session, 3), files.CommitInfo("/f.txt"))
    assert taken.get_path().get_conflict().is_file()
    # The data that came with it are in.
    renamed = dbx.files_upload_session_finish(b"", cursor(session, 5), files.CommitInfo("/f.txt", autorename=True))
    assert renamed.name == "f (1).txt" and dbx.files_download(renamed.id)[1].content == b"newer"


def test_refused_upload_can_be_named_again(dbx):
    dbx.files_upload(b"old", "/f.txt")
    error = refused(dbx.files_upload, b"newer", "/f.txt").get_path()
    up = dbx.files_upload_session_finish(b"", cursor(error.upload_session_id, 5), files.CommitInfo("/g.txt"))
    assert up.content_hash == content_hash(b"newer")


def test_switches(sandbox, dbx):
    dbx.files_upload(bytes(1000), "/shared/old")
    sandbox.command("settings", quota=1500, read_only_folder="/Shared", disallowed_name="Verboten")
    assert dbx.users_get_space_usage().allocation.get_individual().allocated == 1500
    session = start(dbx, bytes(501))

    def finish(path, offset=501):
        error = refused(dbx.files_upload_session_finish, b"", cursor(session, offset), files.CommitInfo(path))
        return error.get_path()

    assert finish("/new").is_insufficient_space()
    assert finish("/SHARED/new").is_no_write_permission()
    assert finish("/verboten").is_disallowed_name()
    assert refused(dbx.files_upload, bytes(501), "/new").get_path().reason.is_insufficient_space()
    assert refused(dbx.files_upload, b"x", "/shared/new").get_path().reason.is_no_write_permission()
    sandbox.command("settings", quota=0)
    assert dbx.files_upload_session_finish(b"", cursor(session, 501), files.CommitInfo("/new")).size == 501


# MARK: faults


def test_faults_strike_uploads(sandbox, dbx):
    session = start(dbx, b"one")
    sandbox.fault(kind="rate_limit", endpoint="files/upload_session/append_v2")
    with pytest.raises(exceptions.RateLimitError):
        dbx.files_upload_session_append_v2(b"two", cursor(session, 3))
    sandbox.fault(kind="drop_after", endpoint="files/upload_session/append_v2")
    with pytest.raises(requests.exceptions.ConnectionError):
        dbx.files_upload_session_append_v2(b"two", cursor(session, 3))
    error = refused(dbx.files_upload_session_append_v2, b"two", cursor(session, 3))
    assert error.get_incorrect_offset().correct_offset == 6
    sandbox.fault(kind="drop_after", endpoint="files/upload_session/finish", path="/f")
    with pytest.raises(requests.exceptions.ConnectionError):
        dbx.files_upload_session_finish(b"", cursor(session, 6), files.CommitInfo("/f"))
    assert dbx.files_download("/f")[1].content == b"onetwo"


def test_a_request_that_is_cut(sandbox, dbx):
    session = start(dbx, b"one")
    sandbox.command("log", method="DELETE")
    sandbox.fault(kind="cut_request", endpoint="files/upload_session/append_v2", after=1000)
    with pytest.raises(requests.exceptions.ConnectionError):
        dbx.files_upload_session_append_v2(bytes(4_000_000), cursor(session, 3))
    record = sandbox.command("log", method="GET")[0]
    assert record["endpoint"] == "files/upload_session/append_v2" and record["status"] == 0
    assert record["subject"] == session and 1000 <= record["received"] < 4_000_000
    dbx.files_upload_session_append_v2(b"two", cursor(session, 3))
    counters = sandbox.command("counters", method="GET")
    assert counters["received"] == record["received"] + 3


def test_uploads_need_their_scope(sandbox):
    token = sandbox.command("token", scopes=["files.content.read"])["access_token"]
    with pytest.raises(exceptions.AuthError) as caught:
        start(sandbox.client(token), b"x")
    assert caught.value.error.get_missing_scope().required_scope == "files.content.write"


@pytest.mark.parametrize(
    "argument",
    ['{"cursor":{"session_id":"x"}}', '{"cursor":{"session_id":"x","offset":-1}}', '{"cursor":"x"}',
     '{"cursor":{"session_id":"x","offset":0,"more":1}}', '{"cursor":{"session_id":"x","offset":0},"content_hash":"ab"}'])
def test_wrong_arguments(sandbox, argument):
    answer = requests.post(
        f"{sandbox.url}/2/files/upload_session/append_v2", data=b"x",
        headers={
            "Authorization": f"Bearer {TOKEN}", "Dropbox-API-Arg": argument,
            "Content-Type": "application/octet-stream"})
    assert answer.status_code == 400 and "upload_session/append_v2" in answer.text
