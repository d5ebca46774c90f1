"""Who may see, who may act: over HTTP, against the real process."""

import re
import urllib.request
from urllib.parse import urlencode

import pytest

from support.processes.serving import TOKEN, Api, served
from web.console.sessions import LASTS_S, MOST, Sessions

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Still(urllib.request.HTTPRedirectHandler):
    """Shows a redirect instead of following it."""

    def redirect_request(self, *_):
        return None


@pytest.fixture
def desk(api) -> Api:
    """A client that keeps cookies by hand and follows nothing."""
    return Api(api.base, api.process, api.installation, opener=urllib.request.build_opener(Still()))


def post(desk, path, fields, **headers):
    own = {"Origin": desk.base, **FORM, **headers}
    return desk.ask(path, raw=urlencode(fields).encode(), headers=own)


def logged_in(desk):
    reply = post(desk, "/login", {"token": TOKEN, "who": "Ada", "next": "/quality"})
    assert (reply.status, reply.headers["location"]) == (303, "/quality")
    return reply.headers["set-cookie"]


def test_each_page_forbids_what_it_does_not_need(desk):
    for path in ("/", "/login", "/static/console.css", "/no-such-page/x", "/artists/a?show=none"):
        reply = desk.ask_raw(path)
        policy = reply.headers.get("content-security-policy", "")
        if reply.headers["content-type"].startswith("text/"):
            assert "default-src 'none'" in policy, path
            assert "unsafe" not in policy
            assert reply.headers["x-content-type-options"] == "nosniff"


def test_a_right_token_begins_a_session_that_scripts_cannot_read(desk):
    cookie = logged_in(desk)

    assert {"HttpOnly", "SameSite=strict"} <= set(cookie.split("; "))
    page = desk.ask("/", headers={"Cookie": cookie.split(";")[0]}).body.decode()
    assert "Ada" in page
    assert TOKEN not in page + cookie


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1]])
def test_a_wrong_token_begins_none(desk, token):
    reply = post(desk, "/login", {"token": token})

    assert reply.status == 401
    assert "set-cookie" not in reply.headers
    assert "GIGSTREAM_SERVE_TOKEN" in reply.body.decode()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", ""])
def test_a_form_of_another_site_is_refused(desk, origin):
    reply = post(desk, "/login", {"token": TOKEN}, Origin=origin)

    assert reply.status == 403
    assert "not sent from a page of this server" in reply.body.decode()


def test_logging_out_takes_the_secret_of_the_session(desk):
    cookie = logged_in(desk).split(";")[0]
    page = desk.ask("/", headers={"Cookie": cookie}).body.decode()
    secret = re.search(r'name="csrf" value="([^"]+)"', page)[1]

    assert post(desk, "/logout", {}, Cookie=cookie).status == 403
    assert post(desk, "/logout", {"csrf": secret}, Cookie=cookie).status == 303
    assert "Ada" not in desk.ask("/", headers={"Cookie": cookie}).body.decode()
    assert post(desk, "/logout", {"csrf": secret}, Cookie=cookie).status == 401


def test_a_page_of_another_host_is_refused(desk):
    assert desk.ask("/", headers={"Host": "evil.example"}).status == 400


def test_empty_fields_leave_the_address(desk):
    reply = desk.ask_raw("/artists/artist-1?city=&n=3&country=")

    assert (reply.status, reply.headers["location"]) == (303, "/artists/artist-1?n=3")


def test_where_others_reach_it_pages_need_a_login(installed):
    # Any address of the loopback net but 127.0.0.1 is as far away as another machine to a setting.
    api = served(installed, GIGSTREAM_SERVE_HOST="0.0.0.0")  # noqa: S104
    port = api.base.rpartition(":")[2]
    desk = Api(f"http://127.0.0.1:{port}", api.process, installed)
    desk.opener = urllib.request.build_opener(Still())
    try:
        reply = desk.ask("/quality")

        assert (reply.status, reply.headers["location"]) == (303, "/login?next=%2Fquality")
        cookie = logged_in(desk).split(";")[0]
        assert desk.ask("/quality", headers={"Cookie": cookie}).status == 200
        assert desk.ask("/static/console.css").status == 200
    finally:
        api.process.terminate()


def test_sessions_end_and_are_bounded():
    sessions = Sessions()
    first = sessions.begin("a", 0.0)

    assert sessions.find(first, LASTS_S - 1).who == "a"
    assert sessions.find(first, LASTS_S + 1) is None
    assert sessions.find("", 0.0) is None
    for _ in range(MOST):
        sessions.begin("b", 0.0)
    assert sessions.find(first, 0.0) is None
