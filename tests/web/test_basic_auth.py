"""Who is let in with a password, with a key instead of one, and what the others are told."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping
from threading import Lock, Semaphore

import bcrypt
import pytest
from aiohttp import ClientSession, encode_basic_auth
from tests.web.guarded import PATHS, guarded

from dora_exporter.web.security.api_keys import Access
from dora_exporter.web.security.basic_auth import Passwords, basic_auth
from dora_exporter.web.security.password_queue import TooManyAttempts, client_of
from dora_exporter.web.webhooks.addresses import proves_itself

METRICS, API, WEBHOOK = PATHS
CHALLENGE = 'Basic realm="dora-exporter", charset="UTF-8"'
LONG = "x" * 72


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


@pytest.fixture(scope="module")
def hashes() -> Mapping[str, str]:
    """Users with the hashes of their passwords."""
    passwords = {"alice": "open sesame", "bob": "pass:wörd", "long": LONG, "empty": ""}
    return {name: hashed(password) for name, password in passwords.items()}


@pytest.fixture
def users(hashes: Mapping[str, str]) -> MutableMapping[str, str]:
    """The configured users, which a test may change."""
    return dict(hashes)


@pytest.fixture
async def client(users: Mapping[str, str]) -> AsyncIterator[ClientSession]:
    """A client of a daemon with users, and with keys."""
    access = Access(api_keys=["writer"], read_keys=["reader"])
    async with guarded(basic_auth(lambda: users, has_key=access.holds_key), access=access) as session:
        yield session


async def status(client: ClientSession, path: str, headers: Mapping[str, str]) -> int:
    async with client.get(path, headers=headers) as response:
        return response.status


def password(name: str, word: str) -> dict[str, str]:
    return {"Authorization": encode_basic_auth(name, word, encoding="utf-8")}


def basic(credentials: bytes, *, scheme: str = "Basic") -> dict[str, str]:
    return {"Authorization": f"{scheme} {b64encode(credentials).decode()}"}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 401),
        (password("alice", "open sesame"), 200),
        (password("alice", "Open sesame"), 401),
        (password("alice", ""), 401),
        (password("Alice", "open sesame"), 401),
        (password("mallory", "open sesame"), 401),
        (password("", ""), 401),
        (password("bob", "pass:wörd"), 200),
        (password("bob", "pass"), 401),
        (password("empty", ""), 200),
        (password("long", LONG), 200),
        (password("long", LONG + "y"), 200),  # bcrypt sees no more than 72 bytes of a password
        (password("long", "y" * 5000), 401),
        (password("alice", "ü" * 40), 401),
        (password("alice", "open\0sesame"), 401),
        (basic(b"alice:open sesame", scheme="basic"), 200),
        (basic(b"alice:\xff\xfe"), 401),
        (basic(b"no colon"), 401),
        ({"Authorization": "Basic"}, 401),
        ({"Authorization": "Basic ???"}, 401),
        ({"Authorization": "Digest x"}, 401),
        ({"Authorization": "Bearer writer"}, 401),
        ({"DD-API-KEY": "writer"}, 401),
    ],
)
async def test_who_is_let_in(client: ClientSession, headers: dict[str, str], expected: int) -> None:
    assert await status(client, METRICS, headers) == expected


async def test_who_is_not_let_in_is_asked_for_a_password(client: ClientSession) -> None:
    async with client.get(METRICS) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"] == CHALLENGE
        assert await response.json() == {"errors": ["Unauthorized"]}


@pytest.mark.parametrize("path", ["/metrics", "/", "/-/healthy", "/openapi.json", "/no/such/path", "/apiary", "/api"])
async def test_every_path_is_closed(client: ClientSession, path: str) -> None:
    assert await status(client, path, {}) == 401
    assert await status(client, path, {"DD-API-KEY": "writer"}) == 401
    assert await status(client, path, password("alice", "open sesame")) in {200, 404}


async def test_under_api_a_refusal_is_one_of_a_key(client: ClientSession) -> None:
    """A client of the API takes 403 for final."""
    for headers in ({}, password("alice", "wrong"), {"DD-API-KEY": "wrong"}):
        async with client.get(API, headers=headers) as response:
            assert response.status == 403
            assert "WWW-Authenticate" not in response.headers
            assert await response.json() == {"errors": ["Forbidden"]}


async def test_under_webhooks_a_refusal_asks_for_a_password(client: ClientSession) -> None:
    assert await status(client, WEBHOOK, {}) == 401
    assert await status(client, WEBHOOK, {"DD-API-KEY": "wrong"}) == 401


@pytest.mark.parametrize("path", [API, WEBHOOK])
@pytest.mark.parametrize(
    "key", [{"DD-API-KEY": "writer"}, {"DD-APPLICATION-KEY": "reader"}, {"Authorization": "Bearer writer"}]
)
async def test_a_key_stands_for_a_password(client: ClientSession, path: str, key: dict[str, str]) -> None:
    async with client.get(path, headers=key) as response:
        assert (response.status, await response.text()) == (200, "user None")


@pytest.mark.parametrize("path", PATHS)
async def test_a_password_opens_every_path_and_says_whose_it_is(client: ClientSession, path: str) -> None:
    async with client.get(path, headers=password("alice", "open sesame")) as response:
        assert (response.status, await response.text()) == (200, "user alice")


async def test_a_password_beside_a_wrong_key_is_a_password(client: ClientSession) -> None:
    """What the key is good for is decided behind this."""
    headers = {**password("alice", "open sesame"), "DD-API-KEY": "wrong"}

    assert await status(client, API, headers) == 200


async def test_a_password_counts_among_several_authorizations(client: ClientSession) -> None:
    headers = [("Authorization", "Bearer wrong"), *password("alice", "open sesame").items()]
    async with client.get(METRICS, headers=headers) as response:
        assert response.status == 200


async def test_without_keys_none_stands_for_a_password(users: Mapping[str, str]) -> None:
    access = Access()
    async with guarded(basic_auth(lambda: users, has_key=access.holds_key), access=access) as client:
        assert await status(client, API, {"DD-API-KEY": "any"}) == 403
        assert await status(client, API, password("alice", "open sesame")) == 200


async def test_without_users_everybody_is_let_in() -> None:
    async with guarded(basic_auth(dict, has_key=Access().holds_key)) as client:
        assert [await status(client, path, {}) for path in PATHS] == [200, 200, 200]


async def test_users_come_and_go_while_the_daemon_runs(client: ClientSession, users: MutableMapping[str, str]) -> None:
    ours, theirs = password("alice", "open sesame"), password("carol", "new")
    assert [await status(client, METRICS, each) for each in (ours, theirs)] == [200, 401]

    del users["alice"]
    users["carol"] = hashed("new")

    assert [await status(client, METRICS, each) for each in (ours, theirs)] == [401, 200]


async def test_an_old_password_is_worth_nothing(client: ClientSession, users: MutableMapping[str, str]) -> None:
    assert await status(client, METRICS, password("alice", "open sesame")) == 200

    users["alice"] = hashed("changed")

    assert await status(client, METRICS, password("alice", "open sesame")) == 401
    assert await status(client, METRICS, password("alice", "changed")) == 200


class Checks:
    """bcrypt, and what it was asked."""

    def __init__(self) -> None:
        self.hashes: list[bytes] = []
        self.at_once = 0
        self.most_at_once = 0
        self.answer: Callable[[bytes, bytes], bool] = bcrypt.checkpw
        self._lock = Lock()

    def __call__(self, word: bytes, hashed_word: bytes) -> bool:
        with self._lock:
            self.hashes.append(hashed_word)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return self.answer(word, hashed_word)
        finally:
            with self._lock:
                self.at_once -= 1


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Checks:
    """Counts what bcrypt is asked."""
    counting = Checks()
    monkeypatch.setattr(bcrypt, "checkpw", counting)
    return counting


async def ask(passwords: Passwords, users: Mapping[str, str], name: str, word: str, address: str = "192.0.2.1") -> bool:
    return await passwords.is_right(users, name, word, address=address)


async def test_the_same_question_is_asked_once(users: Mapping[str, str], checks: Checks) -> None:
    passwords = Passwords()

    right = await asyncio.gather(*(ask(passwords, users, "alice", "open sesame") for _ in range(8)))
    wrong = await asyncio.gather(*(ask(passwords, users, "alice", "guess") for _ in range(8)))
    unknown = [await ask(passwords, users, "mallory", "open sesame") for _ in range(8)]

    assert (right, wrong, unknown) == ([True] * 8, [False] * 8, [False] * 8)
    assert len(checks.hashes) == 3


async def test_only_one_password_is_checked_at_a_time(users: Mapping[str, str], checks: Checks) -> None:
    passwords = Passwords()

    await asyncio.gather(*(ask(passwords, users, "alice", f"guess {n}", f"192.0.2.{n}") for n in range(20)))

    assert len(checks.hashes) == 20
    assert checks.most_at_once == 1


class Gate:
    """Stands for bcrypt, and answers when it is told to."""

    def __init__(self, checks: Checks) -> None:
        self.asked: list[bytes] = []
        self._permits = Semaphore(0)
        checks.answer = self._answer

    def let(self, count: int) -> None:
        for _ in range(count):
            self._permits.release()

    def _answer(self, word: bytes, _: bytes) -> bool:
        self._permits.acquire()
        self.asked.append(word)
        return word == b"right"


async def flood(passwords: Passwords, users: Mapping[str, str], count: int, name: str = "alice") -> "Guesses":
    guesses: Guesses = [
        asyncio.ensure_future(ask(passwords, users, name, f"guess {number}")) for number in range(count)
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return guesses


Guesses = list[asyncio.Future[bool]]


async def test_guesses_are_pushed_out_by_newer_ones_and_delay_no_other_user(
    users: Mapping[str, str], checks: Checks
) -> None:
    gate, passwords = Gate(checks), Passwords()
    guesses = await flood(passwords, users, 60)
    gate.let(1)
    assert await guesses[0] is False
    right = asyncio.ensure_future(ask(passwords, users, "bob", "right"))
    gate.let(2)
    assert await right
    assert gate.asked[-1] == b"right"
    gate.let(60)
    ended = await asyncio.gather(*guesses, return_exceptions=True)
    assert [isinstance(each, TooManyAttempts) for each in ended] == [False] + [True] * 55 + [False] * 4


async def test_the_user_that_is_guessed_at_is_heard_too(users: Mapping[str, str], checks: Checks) -> None:
    gate, passwords = Gate(checks), Passwords()
    guesses = await flood(passwords, users, 60)
    elsewhere = asyncio.ensure_future(ask(passwords, users, "alice", "right", "192.0.2.2"))
    await asyncio.sleep(0)
    gate.let(3)
    assert await elsewhere
    assert len(gate.asked) <= 3
    gate.let(60)
    await asyncio.gather(*guesses, return_exceptions=True)


async def test_who_was_let_in_before_waits_for_nobody(users: Mapping[str, str], checks: Checks) -> None:
    gate, passwords = Gate(checks), Passwords()
    gate.let(1)
    assert await ask(passwords, users, "alice", "right")
    guesses = await flood(passwords, users, 60)
    assert await ask(passwords, users, "alice", "right")
    gate.let(60)
    await asyncio.gather(*guesses, return_exceptions=True)


async def test_many_addresses_hold_no_more_than_a_few_do(users: Mapping[str, str], checks: Checks) -> None:
    gate, passwords = Gate(checks), Passwords()
    guesses = [
        asyncio.ensure_future(ask(passwords, users, "alice", f"guess {n}", f"10.0.{n // 250}.{n % 250}"))
        for n in range(2000)
    ]
    gate.let(2000)
    ended = await asyncio.gather(*guesses, return_exceptions=True)
    assert ended.count(False) == len(gate.asked) == 65


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        (None, None, True),
    ],
)
def test_addresses_of_one_network_are_one_asker(one: str | None, other: str | None, *, are_same: bool) -> None:
    assert (client_of(one, "alice") == client_of(other, "alice")) == are_same


async def test_a_guess_too_many_may_come_again(client: ClientSession, checks: Checks) -> None:
    gate = Gate(checks)

    async def guess(number: int) -> tuple[int, str | None]:
        async with client.get(METRICS, headers=password("alice", f"guess {number}")) as response:
            return response.status, response.headers.get("Retry-After")

    asked = [asyncio.create_task(guess(number)) for number in range(20)]
    pushed_out: set[asyncio.Task[tuple[int, str | None]]] = set()
    while len(pushed_out) < 15:
        pushed_out, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    gate.let(20)
    answers = await asyncio.gather(*asked)
    assert sorted(answers) == [(401, None)] * 5 + [(429, "1")] * 15


async def test_the_password_of_an_unknown_user_is_checked_at_the_same_cost(
    users: Mapping[str, str], checks: Checks
) -> None:
    """An answer that comes sooner would tell that there is no such user."""
    await ask(Passwords(), users, "mallory", "guess")

    (asked,) = checks.hashes
    assert asked[:7] == b"$2b$04$"
    assert asked.decode() not in users.values()
    assert bcrypt.hashpw(b"guess", asked)[:7] == b"$2b$04$"  # it is no malformed hash, which is refused at once


async def test_an_unknown_user_is_never_right(users: Mapping[str, str], checks: Checks) -> None:
    checks.answer = lambda *_: True  # as for whoever guesses what stands for the missing password

    assert not await ask(Passwords(), users, "mallory", "guess")


async def test_guesses_push_out_older_guesses_and_nothing_that_is_right(
    users: Mapping[str, str], checks: Checks
) -> None:
    checks.answer = lambda word, _: word == b"open sesame"
    passwords = Passwords()
    await ask(passwords, users, "alice", "open sesame")
    for number in range(1001):
        await ask(passwords, users, "alice", f"guess {number}")
    asked = len(checks.hashes)

    await ask(passwords, users, "alice", "open sesame")
    await ask(passwords, users, "alice", "guess 1000")
    assert len(checks.hashes) == asked

    await ask(passwords, users, "alice", "guess 0")
    assert len(checks.hashes) == asked + 1


async def test_a_hash_that_bcrypt_cannot_read_lets_nobody_in() -> None:
    """The last character of a salt has fewer bits than it could."""
    assert not await ask(Passwords(), {"alice": f"$2b$04${'.' * 21}z{'.' * 31}"}, "alice", "guess")


async def test_the_loop_runs_while_a_password_is_checked() -> None:
    slow = {"alice": bcrypt.hashpw(b"secret", bcrypt.gensalt(10)).decode()}
    checking = asyncio.create_task(ask(Passwords(), slow, "alice", "secret"))
    turns = 0
    while not checking.done():
        await asyncio.sleep(0)
        turns += 1

    assert checking.result()
    assert turns > 20


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        (WEBHOOK, {}, 200),
        (WEBHOOK, password("alice", "open sesame"), 200),
        (WEBHOOK, password("alice", "wrong"), 401),
        ("/api/v2/webhook", {}, 400),
        ("/webhooks/alertmanager", {}, 401),
        (API, {}, 403),
        (METRICS, {}, 401),
    ],
)
async def test_a_webhook_that_may_be_signed_needs_no_password(
    users: Mapping[str, str], path: str, headers: Mapping[str, str], expected: int
) -> None:
    async with guarded(basic_auth(lambda: users, has_key=proves_itself)) as client:
        assert await status(client, path, headers) == expected
