"""What is held for clients is bounded together, and the oldest gives way."""

from dora_exporter.web.server.client_limits import Holdings


class Client:
    given_up = 0

    def give_up(self) -> None:
        self.given_up += 1


def test_the_oldest_gives_way_when_it_gets_too_much() -> None:
    holdings, clients = Holdings(100), [Client() for _ in range(4)]
    for client in clients[:3]:
        holdings.hold(client, 30)
    holdings.hold(clients[3], 40)
    assert [client.given_up for client in clients] == [1, 0, 0, 0]
    assert holdings.total == 100
    holdings.hold(clients[1], 90)  # nobody gives way for itself
    assert [client.given_up for client in clients] == [1, 0, 1, 1]
    assert holdings.total == 90


def test_one_alone_may_have_more() -> None:
    holdings, client = Holdings(100), Client()
    holdings.hold(client, 1000)
    assert (client.given_up, holdings.total) == (0, 1000)


def test_what_is_released_counts_no_more() -> None:
    holdings, clients = Holdings(100), [Client(), Client()]
    holdings.hold(clients[0], 100)
    holdings.hold(clients[0], 50)
    holdings.release(clients[0])
    holdings.release(clients[0])
    holdings.hold(clients[1], 100)
    assert ([client.given_up for client in clients], holdings.total) == ([0, 0], 100)
