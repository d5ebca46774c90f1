"""Serving by TLS, and what it refuses to start with."""

import http.client
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest

from support.processes.running import Gigstream, until
from support.processes.serving import served


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A certificate of this machine (`crt`) and its key (`key`)."""
    made = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -nodes -subj /CN=localhost -newkey rsa:2048 -keyout key -out crt"
    named = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command.split(), *named], cwd=made, capture_output=True, check=True)
    return made


def test_pages_and_api_are_served_by_tls_alone(installed, folder):
    tls = {"GIGSTREAM_SERVE_TLS_CERTIFICATE": f"{folder}/crt"}
    api = served(installed, GIGSTREAM_SERVE_TLS_KEY=f"{folder}/key", **tls)
    trusted = ssl.create_default_context(cafile=str(folder / "crt"))
    api.opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=trusted))
    try:
        assert api.base.startswith("https://")
        assert until(api.ready, 90)
        assert api.ask("/login").status == 200
        api.base = api.base.replace("https", "http")
        with pytest.raises((urllib.error.URLError, http.client.HTTPException, ConnectionError)):
            api.ask("/healthz")
    finally:
        api.process.terminate()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"CERTIFICATE": "crt"}, "set both, or neither"),
        ({"CERTIFICATE": "/no/such", "KEY": "/no/such"}, "GIGSTREAM_SERVE_TLS_KEY"),
    ],
)
def test_a_certificate_that_cannot_be_is_named(tmp_path, settings, said):
    named = {f"GIGSTREAM_SERVE_TLS_{name}": value for name, value in settings.items()}
    done = Gigstream(tmp_path, {"GIGSTREAM_SERVE_PORT": "0", **named}).run("serve")

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
