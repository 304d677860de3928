"""Who may talk to the server, and what the pages may load."""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.access.guesses import Guesses
from app.access.tokens import local_path
from app.access.visitors import cookie_name
from app.main import create_app
from app.observe.logs import OneLine
from app.settings import Settings

ROOT = Path(__file__).parents[2]
PATH = "/api/trajectories"
PAGE = {"Accept": "text/html,*/*"}


def code(response: Any) -> str:
    return str(response.json()["error"]["code"])


def addresses(app: Any) -> Iterator[tuple[str, set[str]]]:
    """Every address with its methods, pages included."""
    described = {path: {method.upper() for method in found} for path, found in app.openapi()["paths"].items()}
    hidden = ("/", "/compare", "/train", "/runs", "/runs/{run}", "/docs", "/openapi.json", "/favicon.ico")
    yield from described.items()
    yield from ((path, {"GET"}) for path in hidden)
    yield "/login", {"GET", "POST"}


def filled(path: str) -> str:
    return re.sub(r"{\w+}", "x", path)


# --- Host names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST", "a.localhost:1"]
)
def test_loopback_names_are_known(client: TestClient, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "192.168.1.5:8000", "", "[::1", "a b"]
)
def test_a_strange_host_is_refused_with_the_way_to_allow_it(client: TestClient, host: str) -> None:
    response = client.get("/healthz", headers={"Host": host})
    assert (response.status_code, code(response)) == (400, "host")
    assert "OPTIMSCOPE_HOSTS" in response.json()["error"]["hint"]


def test_configured_names_and_plain_addresses_reach_a_public_server(guarded: TestClient) -> None:
    for host in ("lab.example:8000", "OTHER.example", "192.168.1.5:8000", "[fe80::1]:8000", "localhost"):
        assert guarded.get("/healthz", headers={"Host": host}).status_code == 200
    assert guarded.get("/healthz", headers={"Host": "evil.example"}).status_code == 400


def test_the_address_that_is_printed_is_known() -> None:
    settings = Settings(host="0.0.0.0", token="a-long-secret", url="https://optim.lab.example:8443")
    client = TestClient(create_app(settings), base_url="https://optim.lab.example:8443")
    assert client.get("/healthz").status_code == 200
    assert client.get("/healthz", headers={"Host": "lab.example"}).status_code == 400


# --- Origins --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Origin": "http://localhost:8000.evil.example"},
        {"Origin": "http://[::1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_posts_from_other_sites_are_refused(client: TestClient, walk: Any, headers: dict[str, str]) -> None:
    response = client.post(PATH, json=walk, headers=headers)
    assert (response.status_code, code(response)) == (403, "origin")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://localhost:8000"},  # behind a proxy that speaks TLS
        {"Sec-Fetch-Site": "none"},
        {},
    ],
)
def test_posts_from_own_pages_and_from_scripts_pass(
    client: TestClient, walk: Any, headers: dict[str, str]
) -> None:
    assert client.post(PATH, json=walk, headers=headers).status_code == 200


FOREIGN = [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]


@pytest.mark.parametrize("headers", FOREIGN)
def test_whatever_changes_something_is_closed_to_other_sites(
    client: TestClient, headers: dict[str, str]
) -> None:
    tried = 0
    for path, methods in addresses(client.app):
        for method in methods - {"GET", "HEAD"}:
            response = client.request(method, filled(path), headers=headers)
            assert (response.status_code, code(response)) == (403, "origin"), (method, path)
            tried += 1
    assert tried >= 12


@pytest.mark.parametrize("headers", FOREIGN)
def test_streams_are_closed_to_other_sites(client: TestClient, headers: dict[str, str]) -> None:
    response = client.get("/api/stream?runs=nobody", headers=headers)
    assert (response.status_code, code(response)) == (403, "origin")


def test_reading_is_not_bound_to_an_origin(client: TestClient) -> None:
    assert client.get("/healthz", headers={"Origin": "http://evil.example"}).status_code == 200


# --- The token ------------------------------------------------------------------------------------


def test_without_a_word_nobody_else_reaches_the_server() -> None:
    assert Settings().is_local


def test_a_server_that_others_reach_needs_a_token() -> None:
    with pytest.raises(ValueError, match="token"):
        create_app(Settings(host="0.0.0.0"))


def test_without_the_token_only_the_way_in_is_open(guarded: TestClient, walk: Any) -> None:
    for response in (
        guarded.get("/api/catalogue"),
        guarded.post(PATH, json=walk),
        guarded.get("/openapi.json"),
    ):
        assert (response.status_code, code(response)) == (401, "unauthorized")
        assert response.headers["www-authenticate"] == "Bearer"
    assert guarded.get("/healthz").status_code == 200
    assert guarded.get("/login").status_code == 200


def test_a_page_sends_a_visitor_to_sign_in_and_back(guarded: TestClient) -> None:
    response = guarded.get("/compare?steps=5", headers=PAGE)
    assert (response.status_code, response.headers["location"]) == (303, "/login?next=%2Fcompare%3Fsteps%3D5")
    page = guarded.get(response.headers["location"])
    assert 'name="next" value="/compare?steps=5"' in page.text


@pytest.mark.parametrize("name", ["Authorization", "X-Optimscope-Token"])
def test_the_token_travels_in_a_header(guarded: TestClient, walk: Any, name: str) -> None:
    scheme = "Bearer " if name == "Authorization" else ""
    assert guarded.post(PATH, json=walk, headers={name: f"{scheme}a-long-secret"}).status_code == 200
    for wrong in ("a-long-secre", "", "A-LONG-SECRET", "gehe\u00efm"):
        response = guarded.post(PATH, json=walk, headers={name: f"{scheme}{wrong}".encode()})
        assert response.status_code == 401


def test_signing_in_sets_a_cookie_that_scripts_and_other_sites_do_not_get(guarded: TestClient) -> None:
    response = guarded.post("/login", data={"token": " a-long-secret ", "next": "/compare?a=1"})
    assert response.status_code == 200
    assert 'content="0;url=/compare?a=1"' in response.text
    cookie = response.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "a-long-secret" not in cookie
    assert response.headers["cache-control"] == "no-store"
    assert guarded.get("/api/catalogue").status_code == 200


def test_the_cookie_is_kept_to_tls_where_there_is_tls(guarded: TestClient) -> None:
    response = guarded.post("https://lab.example:8000/login", data={"token": "a-long-secret"})
    assert "Secure" in response.headers["set-cookie"]


def test_a_wrong_token_is_told_so_at_the_field(guarded: TestClient) -> None:
    response = guarded.post("/login", data={"token": "wrong"})
    assert response.status_code == 401
    assert "not the token" in response.text
    assert "set-cookie" not in response.headers
    assert guarded.get("/api/catalogue").status_code == 401


def test_a_forged_cookie_opens_nothing(guarded: TestClient) -> None:
    guarded.post("/login", data={"token": "a-long-secret"})
    (name,) = (name for name in guarded.cookies if "visitor" not in name)
    guarded.cookies.clear()
    for value in ("a-long-secret", "x", "\u00e9", '"', ""):
        header = {"Cookie": f"{name}={value}".encode()}
        assert guarded.get("/api/catalogue", headers=header).status_code == 401


def test_cookies_of_two_servers_on_one_host_have_different_names() -> None:
    names = {
        cookie_name("optimscope", Settings(host="0.0.0.0", port=port, token=token))
        for port in (8000, 8001)
        for token in ("a-long-secret", "another-secret")
    }
    assert len(names) == 4


# --- Guesses --------------------------------------------------------------------------------------


def guess(client: TestClient, way: str, token: str) -> Any:
    if way == "header":
        return client.get("/api/catalogue", headers={"Authorization": f"Bearer {token}"})
    if way == "own header":
        return client.get("/api/catalogue", headers={"X-Optimscope-Token": token})
    if way == "link":
        return client.get("/", params={"token": token})
    return client.post("/login", data={"token": token})


WAYS = ("header", "own header", "link", "form")


@pytest.mark.parametrize("way", WAYS)
def test_who_guesses_has_to_wait_also_with_the_right_token(guarded: TestClient, way: str) -> None:
    known = {"Cookie": "; ".join(f"{k}={v}" for k, v in signed_in(guarded).items())}
    guarded.cookies.clear()
    for k in range(20):
        assert guess(guarded, WAYS[k % 4], f"wrong-{k}").status_code != 429
    refused = guess(guarded, way, "a-long-secret")
    assert (refused.status_code, code(refused)) == (429, "guesses")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert "set-cookie" not in refused.headers
    assert guarded.get("/api/catalogue", headers=known).status_code == 200
    assert guarded.get("/login").status_code == 200, "who shows no token is no guesser"


def signed_in(client: TestClient) -> dict[str, str]:
    client.post("/login", data={"token": "a-long-secret"})
    return dict(client.cookies)


def test_right_tokens_are_never_counted(guarded: TestClient) -> None:
    for k in range(60):
        assert guess(guarded, WAYS[k % 4], "a-long-secret").status_code < 400
        guarded.cookies.clear()


def test_guesses_are_forgotten_after_a_minute_and_counted_in_all() -> None:
    now = 0.0
    guesses = Guesses(lambda: now)
    for k in range(19):
        now = float(k)
        guesses.wrong("here")
    assert guesses.wait("here") == 0
    guesses.wrong("here")
    assert guesses.wait("here") == pytest.approx(60 - 18)
    assert guesses.wait("there") == 0
    now = 60.5
    assert guesses.wait("here") == 0
    guesses.wrong("here")
    assert guesses.wait("here") == pytest.approx(0.5)  # 20 within the last minute again
    for k in range(200):
        guesses.wrong(f"address-{k}")
    assert guesses.wait("never seen") == pytest.approx(60)


def test_signing_out_takes_the_cookie_back(guarded: TestClient) -> None:
    signed_in(guarded)
    assert guarded.get("/api/catalogue").status_code == 200
    left = guarded.post("/logout", follow_redirects=False)
    assert (left.status_code, left.headers["location"]) == (303, "/login")
    assert guarded.get("/api/catalogue").status_code == 401


def test_the_link_of_the_class_takes_no_rights_from_the_instructor(tmp_path: Path) -> None:
    settings = Settings(token="a-long-secret", instructor_token="the-token-of-the-desk", data_dir=tmp_path)
    with TestClient(create_app(settings), base_url="http://localhost:8000") as client:
        client.get("/?token=the-token-of-the-desk")
        assert client.get("/api/room").json()["you"]["instructor"]
        client.get("/?token=a-long-secret")
        assert client.get("/api/room").json()["you"]["instructor"]


def test_what_is_wrong_in_a_link_goes_nowhere(guarded: TestClient) -> None:
    page = {"Accept": "text/html"}
    response = guarded.get("/?token=almost-the-secret&steps=5", headers=page, follow_redirects=False)
    assert response.headers["location"] == "/login?next=%2F%3Fsteps%3D5"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert guarded.get("/?token=a-long-secret", headers=page).headers["referrer-policy"] == "no-referrer"


def test_an_instructors_token_is_longer() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        Settings(token="a-long-secret", instructor_token="fifteen-letters")


def test_a_page_without_tls_is_no_page_of_a_server_that_has_it(walk: Any, tmp_path: Path) -> None:
    with TestClient(create_app(Settings(data_dir=tmp_path)), base_url="https://localhost:8000") as client:
        for scheme, status in (("https", 200), ("http", 403)):
            headers = {"Origin": f"{scheme}://localhost:8000"}
            assert client.post(PATH, json=walk, headers=headers).status_code == status


def test_no_name_at_all_is_a_strange_host(guarded: TestClient) -> None:
    response = guarded.get("/healthz", headers={"Host": ""})
    assert (response.status_code, code(response)) == (400, "host")


def test_what_visitors_send_writes_no_lines_into_the_log() -> None:
    line = OneLine("{message}", style="{")
    record = logging.makeLogRecord({"msg": "%s failed", "args": ("/api/\n2026 ERROR \x1b[2J\u202e",)})
    assert line.format(record) == "/api/\\n2026 ERROR \\x1b[2J\\u202e failed"


def test_a_link_with_the_token_signs_in_and_drops_it_from_the_address(guarded: TestClient) -> None:
    response = guarded.get("/?surface=bowl&token=a-long-secret&steps=5")
    assert 'content="0;url=/?surface=bowl&amp;steps=5"' in response.text
    assert "a-long-secret" not in response.text
    assert guarded.get("/api/catalogue").status_code == 200
    again = guarded.get("/?surface=bowl&token=a-long-secret")
    assert 'content="0;url=/?surface=bowl"' in again.text, "the address is cleaned for known visitors too"


def test_a_token_in_the_address_of_a_post_counts_for_nothing(guarded: TestClient, walk: Any) -> None:
    assert guarded.post(f"{PATH}?token=a-long-secret", json=walk).status_code == 401


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\nx", ""]
)
def test_after_signing_in_nobody_is_sent_elsewhere(guarded: TestClient, target: str) -> None:
    assert local_path(target) == "/"
    response = guarded.post("/login", data={"token": "a-long-secret", "next": target})
    assert 'content="0;url=/"' in response.text


def test_quotes_in_the_target_stay_text(guarded: TestClient) -> None:
    response = guarded.post("/login", data={"token": "a-long-secret", "next": '/"><script>'})
    assert "<script>" not in response.text


def test_short_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 8"):
        Settings(host="0.0.0.0", token="adam")


def test_on_this_machine_nobody_is_asked(client: TestClient) -> None:
    assert client.get("/login?next=/compare", follow_redirects=False).headers["location"] == "/compare"
    assert client.post("/login", data={"token": ""}).status_code == 401


def test_every_comparison_takes_the_same_time(guarded: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    guarded.post("/login", data={"token": "a-long-secret"})
    bearer = {"Authorization": "Bearer a-long-secret"}
    monkeypatch.setattr("app.access.tokens.hmac.compare_digest", lambda one, other: False)
    assert guarded.get("/api/catalogue").status_code == 401, "the cookie"
    assert guarded.get("/api/catalogue", headers=bearer).status_code == 401, "the header"
    assert guarded.get("/api/catalogue?token=a-long-secret").status_code == 401, "the address"
    assert guarded.post("/login", data={"token": "a-long-secret"}).status_code == 401, "the page"


def test_whatever_is_not_the_way_in_asks_for_the_token(guarded: TestClient) -> None:
    open_paths = {"/login", "/healthz", "/readyz", "/favicon.ico", "/favicon.svg", "/static/{version}/{path}"}
    asked = set()
    for path, methods in addresses(guarded.app):
        if path not in open_paths:
            for method in methods:
                assert guarded.request(method, filled(path)).status_code in (401, 405), (method, path)
            asked.add(path)
    assert asked >= {"/", "/docs", "/openapi.json", "/metrics", "/api/stream", "/api/ingest/runs"}
    for path in ("/loginx", "/healthz/x", "/staticx", "/favicon.icon"):
        assert guarded.get(path).status_code == 401


# --- Files and code -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "run", ["..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "%2e%2e", "optimscope.db", "a%00b"]
)
@pytest.mark.parametrize("path", ["/api/runs/{}/export", "/api/runs/{}/frames", "/runs/{}", "/api/runs/{}"])
def test_what_is_downloaded_is_named_by_id_and_never_by_path(client: TestClient, path: str, run: str) -> None:
    response = client.get(path.format(run))
    assert response.status_code in (404, 405)
    assert b"SQLite" not in response.content


# What turns bytes into code: nothing in here may use it.
RUNS_CODE = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "code", "codeop"}


@pytest.mark.parametrize("package", ["app", "optim_core"])
def test_no_bytes_become_code(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            for found in uses_of_code(node):
                pytest.fail(f"{path.relative_to(ROOT)}:{node.lineno}: {found}")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from joblib import load",
        "eval(text)",
        "exec(text)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "sympy.sympify(text)",
        "parse_expr(text)",
    ],
)
def test_code_from_bytes_would_be_noticed(text: str) -> None:
    assert [found for node in ast.walk(ast.parse(text)) for found in uses_of_code(node)]


def uses_of_code(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        is_from = isinstance(node, ast.ImportFrom)
        names = [node.module or ""] if is_from else [each.name for each in node.names]
        yield from (f"imports {name}" for name in names if name.partition(".")[0] in RUNS_CODE)
    if not isinstance(node, ast.Call):
        return
    called = ast.unparse(node.func)
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    if called in ("eval", "exec", "__import__") or called.rpartition(".")[2] in ("sympify", "parse_expr"):
        yield f"calls {called}"
    if called == "torch.load" and options.get("weights_only") != "True":
        yield "torch.load without weights_only=True"
    if options.get("allow_pickle", "False") != "False":
        yield "allow_pickle"


# --- Headers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/api/trajectories", "/docs", "/openapi.json"])
def test_every_answer_carries_the_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe-eval" not in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["permissions-policy"].count("=()") == 3


def test_refusals_and_failures_carry_them_too(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "content-security-policy" in client.get("/", headers={"Host": "evil.example"}).headers
    monkeypatch.setattr("app.compute.answers.experiments_of", None)
    body = {"surface": {"id": "bowl"}, "runs": [{"optimizer": "sgd"}]}
    failed = client.post(PATH, json=body)
    assert failed.status_code == 500
    assert "content-security-policy" in failed.headers


def test_a_setting_lets_named_pages_embed_this_one() -> None:
    app = create_app(Settings(frame_ancestors="https://moodle.example"))
    headers = TestClient(app, base_url="http://localhost").get("/healthz").headers
    assert "frame-ancestors https://moodle.example" in headers["content-security-policy"]
    assert "x-frame-options" not in headers


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIMSCOPE_HOSTS", "a.example, B.example")
    monkeypatch.setenv("OPTIMSCOPE_PORT", "9000")
    settings = Settings()
    assert (settings.hosts, settings.port) == (("a.example", "b.example"), 9000)
    assert Settings(port=1).port == 1
