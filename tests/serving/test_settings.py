import pickle

import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from serving.connection import connect
from serving.settings import ServingSettings, masked

HIDDEN = "s3cret"


def problem(**settings) -> str:
    with pytest.raises(ValidationError) as refused:
        ServingSettings(**settings)
    assert HIDDEN not in str(refused.value)
    return refused.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{HIDDEN}@host:6379/0",
        f"redis://user:{HIDDEN}@host",
        f"rediss://user:{HIDDEN}@host:1/2?socket_timeout=3",
        f"redis://host/0?password={HIDDEN}",
        f"unix:///run/redis.sock?password={HIDDEN}&db=1",
    ],
)
def test_the_password_never_shows_and_the_rest_of_the_url_does(url):
    settings = ServingSettings(redis_url=url)
    shown = [str(settings), repr(settings), settings.model_dump_json(), str(settings.redis_url)]

    assert all(HIDDEN not in text for text in shown)
    assert all("host" in text or "redis.sock" in text for text in shown)
    assert url == settings.redis_url.get_secret_value()


def test_a_url_without_a_password_is_shown_but_for_the_values_of_options():
    assert masked("redis://user@host:6379/0?db=1") == "redis://user@host:6379/0?db=***"


def test_a_url_that_cannot_be_taken_apart_is_not_shown_at_all():
    assert masked("redis://[:s3cret") == "***"


def test_passwords_among_the_other_options_do_not_show_either():
    options = {"ssl_password": HIDDEN, "socket_timeout": "3"}
    settings = ServingSettings(redis_url="rediss://host", redis=options)

    assert HIDDEN not in repr(settings) + str(settings) + settings.model_dump_json()
    assert '"socket_timeout":"***"' in settings.model_dump_json()


@pytest.mark.parametrize(
    "url",
    ["", "localhost:6379", f"http://u:{HIDDEN}@host", "redis://", f"redis://:{HIDDEN}@host:port/0"],
)
def test_what_is_no_redis_url_is_refused_with_the_remedy(url):
    assert "use redis://, rediss:// or unix://" in problem(redis_url=url)


@pytest.mark.parametrize("prefix", ["gig", "{gig}", "a.b:c-d_e", "eu/{gig}:1"])
def test_a_prefix_may_hold_one_hash_tag(prefix):
    assert prefix == ServingSettings(redis_prefix=prefix).redis_prefix


@pytest.mark.parametrize("prefix", ["", "a b", "{gig", "gig}", "{}", "{a}{b}", "gig*", "é", "a\n"])
def test_a_prefix_that_would_break_keys_or_acl_patterns_is_refused(prefix):
    assert "cannot begin a key" in problem(redis_prefix=prefix)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "greater than or equal to 1"), (201, "less than or equal to 200")]
)
def test_lists_hold_1_to_200_entries(size, text):
    assert problem(list_size=size).endswith(text)


def test_an_option_that_redis_py_does_not_know_is_refused_by_name():
    assert "no option 'nonsense'" in problem(redis={"nonsense": "1"})


def test_an_option_of_the_wrong_type_is_refused_by_name():
    assert "socket_timeout: 'soon'" in problem(redis={"socket_timeout": "soon"})


def test_other_options_reach_the_client_typed():
    options = {"socket_timeout": "1.5", "health_check_interval": "3", "socket_keepalive": "no"}
    kept = connect(ServingSettings(redis=options)).connection_pool.connection_kwargs

    assert [kept[name] for name in options] == [1.5, 3, False]


def test_the_url_goes_before_the_other_options():
    settings = ServingSettings(redis_url="redis://host/5", redis={"db": "3"})

    assert connect(settings).connection_pool.connection_kwargs["db"] == 5


def test_settings_travel_to_another_process():
    settings = ServingSettings(redis_url=f"redis://:{HIDDEN}@host")

    assert settings == pickle.loads(pickle.dumps(settings))  # noqa: S301 - our own


def test_they_can_be_read_from_the_environment(monkeypatch):
    class Settings(ServingSettings, BaseSettings):
        model_config = SettingsConfigDict(env_prefix="TRY_", env_nested_delimiter="__")

    monkeypatch.setenv("TRY_REDIS_URL", f"redis://:{HIDDEN}@host")
    monkeypatch.setenv("TRY_REDIS__SOCKET_TIMEOUT", "7")
    settings = Settings()

    assert f"redis://:{HIDDEN}@host" == settings.redis_url.get_secret_value()
    assert settings.redis == {"socket_timeout": "7"}
    assert HIDDEN not in repr(settings)
