import pytest

from dora_exporter.runtime.hosts import host_of, is_loopback


@pytest.mark.parametrize(
    "authority",
    [
        *(
            "localhost",
            "LocalHost:3672",
            "localhost.",
            "localhost.:80",
            "localhost:",
            "dora.localhost:1",
            " localhost ",
        ),
        *("127.0.0.1", "127.0.0.1:3672", "127.255.3.4:1", "127.0.0.1.", "127.1", "0x7f.1", "2130706433"),
        *("[::1]", "[::1]:3672", "[0:0::0:1]:3672", "[::ffff:127.0.0.1]:3672", "[::ffff:7f00:1]"),
    ],
)
def test_this_machine_is_known_in_all_spellings(authority: str) -> None:
    host = host_of(authority)
    assert host is not None
    assert is_loopback(host)


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("Evil.Example:3672", "evil.example"),
        ("evil.example.", "evil.example"),
        ("localhost.evil.example", "localhost.evil.example"),
        ("127.0.0.1.evil.example", "127.0.0.1.evil.example"),
        ("evillocalhost", "evillocalhost"),
        ("0.0.0.0:3672", "0.0.0.0"),
        ("192.0.2.1:3672", "192.0.2.1"),
        ("[::]:3672", "::"),
        ("[2001:DB8:0::1]:3672", "2001:db8::1"),
        ("[::ffff:192.0.2.1]", "192.0.2.1"),
        ("1.2.3.4.5", "1.2.3.4.5"),
        ("my_service:80", "my_service"),
        ("a" * 260, "a" * 260),
    ],
)
def test_others_are_others(authority: str, host: str) -> None:
    assert host_of(authority) == host
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "authority",
    [
        *(
            "",
            " ",
            ":3672",
            "::1",
            "[",
            "[]",
            "[::1",
            "[localhost]",
            "[::1]x",
            "a:b",
            "a:1:2",
            "a:123456",
            "a b",
            "a@b",
        ),
        *(
            "localhost\x00",
            "localhost/",
            "localhost#",
            "\udcff",
            "..",
            "localhost..",
            "l\u043ecalhost",
            "127.0.0.1 x",
            "a" * 261,
        ),
    ],
)
def test_what_is_no_host_is_none(authority: str) -> None:
    assert host_of(authority) is None
