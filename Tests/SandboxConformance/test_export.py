"""files/export: online documents."""

import pytest
from dropbox import exceptions, files

from test_content import content_hash

KINDS = {
    "paper": (["markdown", "html"], "Plan.md"), "gdoc": (["docx"], "Plan.docx"), "gsheet": (["xlsx"], "Plan.xlsx"),
    "gslides": (["pptx"], "Plan.pptx"), "other": (["pdf"], "Plan.pdf")}


def document(sandbox, kind="gdoc", **options):
    return sandbox.command("document", path=f"/Plan.{kind}", kind=kind, text="words", **options)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind(sandbox, dbx, kind):
    formats, name = KINDS[kind]
    document(sandbox, kind, listed_size=123)
    meta = dbx.files_list_folder("").entries[0]
    assert not meta.is_downloadable and meta.size == 123 and meta.content_hash is None
    assert meta.export_info.export_as == formats[0] and meta.export_info.export_options == formats[1:]
    for address in [f"/plan.{kind}", meta.id, f"rev:{meta.rev}"]:
        result, answer = dbx.files_export(address)
        assert answer.content == f"{formats[0]}: words".encode()
        assert (result.export_metadata.name, result.export_metadata.size) == (name, len(answer.content))
        assert result.export_metadata.export_hash == content_hash(answer.content)
        assert (result.export_metadata.paper_revision is None) == (kind != "paper")
        assert (result.file_metadata.id, result.file_metadata.rev) == (meta.id, meta.rev)
    for export_format in formats:
        assert dbx.files_export(meta.id, export_format)[1].content == f"{export_format}: words".encode()


def test_what_is_listed_is_not_what_is_exported(sandbox, dbx):
    document(sandbox, export_options=["docx", "pdf"], listed_hash=True, exports={"pdf": {"size": 5000000}})
    meta = dbx.files_get_metadata("/plan.gdoc")
    result, answer = dbx.files_export(meta.id, "pdf")
    assert len(answer.content) == result.export_metadata.size == 5000000 != meta.size
    assert result.export_metadata.export_hash == content_hash(answer.content) != meta.content_hash
    assert meta.content_hash and meta.export_info.export_options == ["docx", "pdf"]


def refusal(call, *arguments):
    with pytest.raises(exceptions.ApiError) as caught:
        call(*arguments)
    assert isinstance(caught.value.error, files.ExportError)
    return caught.value.error


def test_refusals(sandbox, dbx):
    document(sandbox, "web")
    document(sandbox, "gdoc")
    document(sandbox, "paper", export_as=None, export_options=None)
    sandbox.command("put", path="/file", text="f")
    sandbox.command("folder", path="/folder")
    sandbox.command("document", path="/blocked.gdoc", kind="gdoc", restricted=True)
    for path in ["/plan.web", "/plan.paper", "/file"]:
        assert refusal(dbx.files_export, path).is_non_exportable()
    assert dbx.files_get_metadata("/plan.paper").export_info is None
    assert refusal(dbx.files_export, "/plan.gdoc", "pdf").is_invalid_export_format()
    assert refusal(dbx.files_export, "/none").get_path().is_not_found()
    assert refusal(dbx.files_export, "/folder").get_path().is_not_file()
    assert refusal(dbx.files_export, "/blocked.gdoc").get_path().is_restricted_content()
    with pytest.raises(exceptions.ApiError) as caught:
        dbx.files_download("/plan.gdoc")
    assert caught.value.error.is_unsupported_file()


def test_one_that_is_not_ready(sandbox, dbx):
    document(sandbox, not_ready=2)
    for _ in range(2):
        assert refusal(dbx.files_export, "/plan.gdoc").is_retry_error()
    assert dbx.files_export("/plan.gdoc")[1].content == b"docx: words"
    document(sandbox, not_ready=None)
    for _ in range(5):
        assert refusal(dbx.files_export, "/plan.gdoc").is_retry_error()


def test_bytes_that_differ_and_a_document_that_changes(sandbox, dbx):
    document(sandbox, differs=True, hash="none")
    exports = [dbx.files_export("/plan.gdoc") for _ in range(3)]
    assert len({answer.content for _, answer in exports}) == 3
    assert {result.export_metadata.export_hash for result, _ in exports} == {None}
    before = dbx.files_get_metadata("/plan.gdoc").rev
    document(sandbox, changes=1)
    asked = dbx.files_get_metadata("/plan.gdoc").rev
    result, answer = dbx.files_export(f"rev:{asked}")
    assert before != asked != result.file_metadata.rev == dbx.files_get_metadata("/plan.gdoc").rev
    assert isinstance(result.file_metadata, files.FileMetadata)
    assert dbx.files_export(f"rev:{asked}")[1].content == b"docx: words" != answer.content
    sandbox.command("settings", exports_newest_revision=True)
    assert dbx.files_export(f"rev:{asked}")[1].content == answer.content


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "a\0b", "n" * 300])
def test_names_that_no_client_may_believe(sandbox, dbx, name):
    document(sandbox, name=name, hash="wrong")
    result, answer = dbx.files_export("/plan.gdoc")
    assert result.export_metadata.name == name
    assert result.export_metadata.export_hash != content_hash(answer.content)


@pytest.mark.parametrize("end", ["chunk", "close"])
def test_no_content_length(sandbox, dbx, end):
    document(sandbox, end=end)
    result, answer = dbx.files_export("/plan.gdoc")
    assert answer.content == b"docx: words" and result.export_metadata.size == 11
    assert "Content-Length" not in answer.headers


def test_made_up_documents(sandbox, dbx):
    sandbox.command("fill", files=2, documents=12)
    entries = dbx.files_list_folder("", recursive=True).entries
    documents = [entry for entry in entries if isinstance(entry, files.FileMetadata) and not entry.is_downloadable]
    assert len(documents) == 12
    for entry in documents:
        if entry.export_info:
            assert dbx.files_export(entry.id)[1].content
