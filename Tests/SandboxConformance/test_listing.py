"""files/list_folder and what belongs to it."""

import pytest
from dropbox import exceptions, files


def listed(dbx, path="", **options):
    """All entries of a listing, and the cursor behind them."""
    options.setdefault("recursive", True)
    page = dbx.files_list_folder(path, **options)
    entries = list(page.entries)
    while page.has_more:
        page = dbx.files_list_folder_continue(page.cursor)
        entries += page.entries
    return entries, page.cursor


def news(dbx, cursor):
    """The entries since `cursor`, as (kind, path) and the cursor behind them."""
    entries = []
    while True:
        page = dbx.files_list_folder_continue(cursor)
        entries += [(type(entry).__name__.removesuffix("Metadata"), entry.path_lower) for entry in page.entries]
        cursor = page.cursor
        if not page.has_more:
            return entries, cursor


def test_first_listing_holds_the_tree(sandbox, dbx):
    sandbox.command("fill", files=150, depth=3, files_per_folder=7)
    entries, _ = listed(dbx, limit=11)
    tree = {entry["path_lower"]: entry for entry in sandbox.tree().values()}
    assert {entry.path_lower for entry in entries} == set(tree)
    for entry in entries:
        truth = tree[entry.path_lower]
        assert entry.name == truth["path"].rsplit("/", 1)[1]
        assert entry.id == truth["id"]
        assert isinstance(entry, files.FileMetadata) == (truth["kind"] == "file")
        if truth["kind"] == "file":
            assert (entry.size, entry.content_hash, entry.rev) == (truth["size"], truth["content_hash"], truth["rev"])


def test_not_recursive(sandbox, dbx):
    sandbox.command("put", path="/A/b/c.txt", text="c")
    sandbox.command("put", path="/A/d.txt", text="d")
    entries, _ = listed(dbx, "/a", recursive=False)
    assert sorted(entry.path_display for entry in entries) == ["/A/b", "/A/d.txt"]


def test_changes_since_a_cursor(sandbox, dbx):
    sandbox.command("put", path="/Docs/One.txt", text="1")
    sandbox.command("put", path="/Docs/Two.txt", text="2")
    _, cursor = listed(dbx)
    sandbox.command("put", path="/docs/three.txt", text="3")
    sandbox.command("put", path="/Docs/one.txt", text="1, anew")
    sandbox.command("delete", path="/Docs/Two.txt")
    entries, cursor = news(dbx, cursor)
    assert entries == [("File", "/docs/three.txt"), ("File", "/docs/one.txt"), ("Deleted", "/docs/two.txt")]
    entries, again = news(dbx, cursor)
    assert entries == [] and again != cursor


def test_a_deleted_folder_comes_alone(sandbox, dbx):
    for name in "abc":
        sandbox.command("put", path=f"/Old/{name}", text=name)
    _, cursor = listed(dbx)
    sandbox.command("delete", path="/old")
    assert news(dbx, cursor)[0] == [("Deleted", "/old")]


def test_a_move_keeps_ids(sandbox, dbx):
    sandbox.command("put", path="/From/x.txt", text="x")
    entries, cursor = listed(dbx)
    old = {entry.name: entry.id for entry in entries}
    sandbox.command("move", **{"from": "/From", "to": "/To"})
    page = dbx.files_list_folder_continue(cursor)
    assert [entry.path_lower for entry in page.entries] == ["/from", "/to", "/to/x.txt"]
    assert isinstance(page.entries[0], files.DeletedMetadata)
    assert page.entries[1].id == old["From"] and page.entries[2].id == old["x.txt"]


def test_empty_pages_with_more_to_come(sandbox, dbx):
    sandbox.command("fill", files=20)
    sandbox.command("settings", page_size=3, empty_page_every=2)
    page = dbx.files_list_folder("", recursive=True)
    sizes = []
    while page.has_more:
        page = dbx.files_list_folder_continue(page.cursor)
        sizes.append(len(page.entries))
    assert 0 in sizes[:-1]
    assert len(listed(dbx)[0]) == len(sandbox.tree())


def test_latest_cursor_lists_only_what_comes_later(sandbox, dbx):
    sandbox.command("put", path="/before", text="b")
    cursor = dbx.files_list_folder_get_latest_cursor("", recursive=True).cursor
    sandbox.command("put", path="/after", text="a")
    assert news(dbx, cursor)[0] == [("File", "/after")]


def test_include_deleted(sandbox, dbx):
    sandbox.command("put", path="/gone.txt", text="g")
    sandbox.command("delete", path="/gone.txt")
    entries, _ = listed(dbx, include_deleted=True)
    assert [(type(entry), entry.path_display) for entry in entries] == [(files.DeletedMetadata, "/gone.txt")]
    assert listed(dbx)[0] == []


def test_expired_cursors_answer_reset(sandbox, dbx):
    _, cursor = listed(dbx)
    sandbox.command("expire-cursors")
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_list_folder_continue(cursor)
    assert caught.value.error.is_reset()
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_list_folder_longpoll(cursor)
    assert caught.value.error.is_reset()


def test_the_watched_folder_goes(sandbox, dbx):
    sandbox.command("put", path="/Watched/a", text="a")
    _, cursor = listed(dbx, "/Watched")
    sandbox.command("delete", path="/Watched")
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_list_folder_continue(cursor)
    assert caught.value.error.get_path().is_not_found()


@pytest.mark.parametrize("path, tag", [("/missing", "not_found"), ("/file.txt", "not_folder")])
def test_refusals(sandbox, dbx, path, tag):
    sandbox.command("put", path="/file.txt", text="f")
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_list_folder(path)
    assert caught.value.error.get_path()._tag == tag
    assert caught.value.request_id


def test_garbage_cursor(dbx):
    with pytest.raises(exceptions.BadInputError):
        dbx.files_list_folder_continue("garbage")
    with pytest.raises(exceptions.BadInputError) as caught:
        dbx.files_list_folder_longpoll("garbage")
    assert "unsupported cursor type" in caught.value.message


def test_longpoll(sandbox, dbx):
    sandbox.command("settings", longpoll_scale=0.01, longpoll_backoff=7)
    _, cursor = listed(dbx)
    quiet = dbx.files_list_folder_longpoll(cursor, timeout=30)
    assert (quiet.changes, quiet.backoff) == (False, 7)
    assert "Authorization" not in dbx._session.answers[-1].request.headers
    sandbox.command("put", path="/new", text="n")
    assert dbx.files_list_folder_longpoll(cursor, timeout=30).changes


def test_longpoll_that_cries_wolf(sandbox, dbx):
    sandbox.command("settings", longpoll_is_spurious=True)
    _, cursor = listed(dbx)
    assert dbx.files_list_folder_longpoll(cursor).changes
    assert news(dbx, cursor)[0] == []


def test_case_only_renames(sandbox, dbx):
    sandbox.command("put", path="/Docs/plan", text="p")
    _, cursor = listed(dbx)
    sandbox.command("rename-case", path="/docs", name="DOCS")
    assert news(dbx, cursor)[0] == []
    sandbox.command("rename-case", path="/docs/plan", name="Plan", journal=True)
    assert [entry.path_display for entry in dbx.files_list_folder_continue(cursor).entries] == ["/DOCS/Plan"]
    assert [entry.path_display for entry in listed(dbx)[0]] == ["/DOCS", "/DOCS/Plan"]
