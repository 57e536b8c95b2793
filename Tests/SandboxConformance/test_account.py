"""users, check, sign-in, and refusals that concern every call."""

import datetime

import dropbox
import pytest
import requests
from dropbox import common, exceptions

from conftest import APP_KEY, APP_SECRET, TOKEN, Session

READ = ["account_info.read", "files.metadata.read", "files.content.read"]


def test_account(sandbox, dbx):
    account = dbx.users_get_current_account()
    assert account.account_type.is_basic() and account.email == "ana@example.org"
    assert account.root_info.root_namespace_id == account.root_info.home_namespace_id
    sandbox.command("put", path="/x", size=12345)
    usage = dbx.users_get_space_usage()
    assert usage.used == 12345 and usage.allocation.get_individual().allocated > usage.used
    assert dbx.check_user("ping ✓").result == "ping ✓"


def sign_in(sandbox, verifier_of=None, **options):
    flow = dropbox.DropboxOAuth2FlowNoRedirect(APP_KEY, **options)
    flow.requests_session = Session(sandbox.url)
    page = flow.requests_session.get(flow.start(), headers={"Accept": "application/json"})
    assert page.status_code == 200, page.text
    if verifier_of:
        flow.code_verifier = verifier_of
    return flow.finish(page.json()["code"])


def test_sign_in_with_pkce(sandbox):
    grant = sign_in(sandbox, use_pkce=True, token_access_type="offline", scope=READ)
    assert sorted(grant.scope.split()) == sorted(READ)
    assert grant.refresh_token and grant.account_id.startswith("dbid:") and len(grant.account_id) == 40
    assert grant.expires_at > datetime.datetime.utcnow() + datetime.timedelta(hours=3)
    assert sandbox.client(grant.access_token).users_get_current_account().account_id == grant.account_id


def test_sign_in_with_a_secret(sandbox):
    grant = sign_in(sandbox, consumer_secret=APP_SECRET)
    assert not grant.refresh_token
    sandbox.client(grant.access_token).files_list_folder("")


def test_the_page_shows_the_code(sandbox):
    flow = dropbox.DropboxOAuth2FlowNoRedirect(APP_KEY, use_pkce=True, token_access_type="offline")
    flow.requests_session = Session(sandbox.url)
    page = flow.requests_session.get(flow.start()).text
    code = page.split('<code id="code">')[1].split("</code>")[0]
    assert flow.finish(code).access_token


def test_redirect(sandbox):
    state = {}
    flow = dropbox.DropboxOAuth2Flow(
        APP_KEY, "http://localhost:1/back", state, "csrf", use_pkce=True, token_access_type="offline")
    flow.requests_session = Session(sandbox.url)
    answer = flow.requests_session.get(flow.start("here"), allow_redirects=False)
    assert answer.status_code == 302
    query = requests.models.PreparedRequest()
    query.prepare_url(answer.headers["Location"], None)
    fields = dict(part.split("=", 1) for part in query.url.split("?")[1].split("&"))
    fields = {name: requests.utils.unquote(value) for name, value in fields.items()}
    result = flow.finish(fields)
    assert result.url_state == "here" and result.refresh_token


@pytest.mark.parametrize("spoil", ["verifier", "code", "key"])
def test_sign_in_that_fails(sandbox, spoil):
    with pytest.raises(requests.HTTPError if spoil != "key" else AssertionError) as caught:
        if spoil == "verifier":
            sign_in(sandbox, verifier_of="v" * 64, use_pkce=True)
        elif spoil == "code":
            flow = dropbox.DropboxOAuth2FlowNoRedirect(APP_KEY, use_pkce=True)
            flow.requests_session = Session(sandbox.url)
            flow.finish("nocode")
        else:
            flow = dropbox.DropboxOAuth2FlowNoRedirect("anotherkey", use_pkce=True)
            answer = Session(sandbox.url).get(flow.start())
            assert answer.status_code == 200
    if spoil != "key":
        assert caught.value.response.status_code == 400
        assert caught.value.response.json()["error"] == "invalid_grant"


def test_a_code_is_good_once(sandbox):
    flow = dropbox.DropboxOAuth2FlowNoRedirect(APP_KEY, use_pkce=True)
    flow.requests_session = Session(sandbox.url)
    code = flow.requests_session.get(flow.start(), headers={"Accept": "application/json"}).json()["code"]
    flow.finish(code)
    with pytest.raises(requests.HTTPError):
        flow.finish(code)


def test_refresh(sandbox):
    grant = sign_in(sandbox, use_pkce=True, token_access_type="offline", scope=READ)
    dbx = sandbox.client(grant.access_token, oauth2_refresh_token=grant.refresh_token, app_key=APP_KEY,
                         oauth2_access_token_expiration=grant.expires_at)
    sandbox.command("expire-tokens")
    dbx.users_get_current_account()
    routes = [answer.request.url.rsplit("/", 1)[1] for answer in dbx._session.answers]
    assert routes == ["get_current_account", "token", "get_current_account"]
    token = dbx._session.answers[1]
    assert token.headers["Content-Type"] == "text/javascript" and "refresh_token" not in token.json()


def test_revoked(sandbox):
    grant = sign_in(sandbox, use_pkce=True, token_access_type="offline")
    dbx = sandbox.client(grant.access_token)
    dbx.auth_token_revoke()
    with pytest.raises(exceptions.AuthError) as caught:
        dbx.users_get_current_account()
    assert caught.value.error.is_invalid_access_token()
    late = sandbox.client(None, oauth2_refresh_token=grant.refresh_token, app_key=APP_KEY)
    with pytest.raises(exceptions.AuthError) as caught:
        late.users_get_current_account()
    assert caught.value.error.is_invalid_access_token()


def test_scopes(sandbox):
    dbx = sandbox.client(sandbox.command("token", scopes=READ)["access_token"])
    dbx.files_list_folder("")
    with pytest.raises(exceptions.AuthError) as caught:
        dbx.files_upload(b"", "/x")
    assert caught.value.error.get_missing_scope().required_scope == "files.content.write"
    assert dbx._session.answers[-1].headers["WWW-Authenticate"] == 'Bearer realm="Dropbox-API"'


def test_unknown_token(sandbox):
    with pytest.raises(exceptions.AuthError) as caught:
        sandbox.client("nobody").files_list_folder("")
    assert caught.value.error.is_invalid_access_token()


def test_path_root(sandbox, dbx):
    home = dbx.users_get_current_account().root_info.root_namespace_id
    dbx.with_path_root(common.PathRoot.root(home)).files_list_folder("")
    dbx.with_path_root(common.PathRoot.home).files_list_folder("")
    sandbox.command("settings", root_namespace="81924")
    with pytest.raises(exceptions.PathRootError) as caught:
        dbx.with_path_root(common.PathRoot.root(home)).files_list_folder("")
    info = caught.value.error.get_invalid_root()
    assert (info.root_namespace_id, info.home_namespace_id, info.home_path) == ("81924", home, "/Ana Ruiz")
    assert dbx.users_get_current_account().root_info.root_namespace_id == "81924"
    dbx.with_path_root(common.PathRoot.root("81924")).files_list_folder("")
    with pytest.raises(exceptions.PathRootError) as caught:
        dbx.with_path_root(common.PathRoot.namespace_id("999")).files_list_folder("")
    assert caught.value.error.is_no_permission()


def raw(sandbox, route, headers, data=None, method="POST"):
    headers = {"Authorization": f"Bearer {TOKEN}", **headers}
    return requests.request(
        method, f"{sandbox.url}/2/{route}", headers={k: v for k, v in headers.items() if v is not None}, data=data)


JSON = {"Content-Type": "application/json"}
ARG = {"Dropbox-API-Arg": '{"path":"/x"}'}


@pytest.mark.parametrize(
    "route, headers, data, text",
    [
        ("files/list_folder", JSON, '{"path":"","colour":"red"}', "request body: unknown field 'colour'"),
        ("files/list_folder", JSON, "{}", "missing required field 'path'"),
        ("files/list_folder", JSON, '{"path":7}', "path: expected string, got integer"),
        ("files/list_folder", JSON, '{"path":"/"}', "Specify the root folder as an empty string"),
        ("files/list_folder", JSON, '{"path":"docs"}', "'docs' did not match pattern"),
        ("files/list_folder", JSON, '{"path":"","limit":2001}', "limit: 2001"),
        ("files/list_folder", JSON, '{"path":""', "could not decode input as JSON"),
        ("files/list_folder", {"Content-Type": "text/html"}, '{"path":""}', 'Bad HTTP "Content-Type" header'),
        ("files/list_folder", {}, '{"path":""}', 'Bad HTTP "Content-Type" header'),
        ("files/get_metadata", JSON, '{"path":""}', "The root folder is unsupported"),
        ("files/list_folder/longpoll", JSON, '{"cursor":"x"}', "includes an Authorization header"),
        ("files/list_folder/longpoll", {**JSON, "Authorization": None}, '{"cursor":"x","timeout":5}', "timeout: 5"),
        ("files/download", ARG, "body", "supposed to be empty"),
        ("files/download", {**ARG, "Content-Type": "application/x-www-form-urlencoded"}, "", "Bad HTTP"),
        ("files/download", {"Dropbox-API-Arg": '{"path":"/ä"}'.encode()}, None, "could not decode input as JSON"),
        ("files/download", {}, None, "Must provide HTTP header"),
        ("files/upload", {**ARG, "Content-Type": "application/json"}, "x", 'Bad HTTP "Content-Type" header'),
        ("files/upload", {"Content-Type": "application/octet-stream",
                          "Dropbox-API-Arg": '{"path":"/x","client_modified":"2020-01-01T00:00:00.5Z"}'}, "x",
         "client_modified"),
        ("users/get_current_account", JSON, "{}", "expected null"),
        ("users/get_current_account", {**JSON, "Authorization": None}, "null", "Must provide HTTP header"),
        ("users/get_current_account", {**JSON, "Authorization": "Basic eDp5"}, "null", "Invalid authorization value"),
    ])
def test_requests_that_make_no_sense(sandbox, route, headers, data, text):
    answer = raw(sandbox, route, headers, data)
    assert answer.status_code == 400, answer.text
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith(f'Error in call to API function "{route}": ')
    assert text in answer.text
    assert len(answer.headers["X-Dropbox-Request-Id"]) == 32


def test_unknown_route(sandbox):
    answer = raw(sandbox, "files/fold", JSON, "{}")
    assert answer.status_code == 404 and answer.headers["X-Dropbox-Request-Id"]


def test_methods(sandbox):
    assert raw(sandbox, "files/list_folder", JSON, method="GET").status_code == 400
