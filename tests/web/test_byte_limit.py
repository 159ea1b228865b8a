"""What is held for clients is bounded together, and the oldest gives way."""

from dora_exporter.web.server.byte_limit import ByteLimit


class Client:
    given_up = 0

    def evict(self) -> None:
        self.given_up += 1


def test_the_oldest_gives_way_when_it_gets_too_much() -> None:
    limit, clients = ByteLimit(100), [Client() for _ in range(4)]
    for client in clients[:3]:
        limit.hold(client, 30)
    limit.hold(clients[3], 40)
    assert [client.given_up for client in clients] == [1, 0, 0, 0]
    assert limit.total == 100
    limit.hold(clients[1], 90)  # nobody gives way for itself
    assert [client.given_up for client in clients] == [1, 0, 1, 1]
    assert limit.total == 90


def test_one_alone_may_have_more() -> None:
    limit, client = ByteLimit(100), Client()
    limit.hold(client, 1000)
    assert (client.given_up, limit.total) == (0, 1000)


def test_what_is_released_counts_no_more() -> None:
    limit, clients = ByteLimit(100), [Client(), Client()]
    limit.hold(clients[0], 100)
    limit.hold(clients[0], 50)
    limit.release(clients[0])
    limit.release(clients[0])
    limit.hold(clients[1], 100)
    assert ([client.given_up for client in clients], limit.total) == ([0, 0], 100)
