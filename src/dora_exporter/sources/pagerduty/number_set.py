"""Which incident numbers were seen."""

_HIGHEST = 1 << 27


class NumberSet:
    """A set of incident numbers, a bit each: it stays small however many there are."""

    def __init__(self) -> None:
        """None yet."""
        self._bits = bytearray()

    def add(self, number: int | None) -> None:
        """Takes note of a number, unless it is too high to be kept."""
        if number is not None and 0 <= number < _HIGHEST:
            place = number // 8
            if place >= len(self._bits):
                self._bits.extend(bytes(place + 1 - len(self._bits)))
            self._bits[place] |= 1 << number % 8

    def __contains__(self, number: object) -> bool:
        """Numbers too high to be kept count as contained: nothing is known about them."""
        if not isinstance(number, int) or not 0 <= number < _HIGHEST:
            return True
        place = number // 8
        return place < len(self._bits) and bool(self._bits[place] & 1 << number % 8)
