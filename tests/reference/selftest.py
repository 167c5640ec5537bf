"""The reference against itself: a whole round opens to the plain sum, and its parts fit published vectors."""

from cases import cast
from suite import encode, keys, seal


def run():
    check_xchacha()
    check_points()
    check_round()


def check_xchacha():
    """draft-irtf-cfrg-xchacha-03, sections 2.2.1 and A.3.1 (the tag)."""
    key = bytes(range(32))
    derived = seal.hchacha20(key, bytes.fromhex("000000090000004a0000000031415927"))
    assert derived.hex() == "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
    text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
    sealed = seal.seal(bytes(range(0x80, 0xA0)), bytes(range(0x40, 0x58)), text, bytes.fromhex("50515253c0c1c2c3c4c5c6c7"))
    assert sealed[-16:].hex() == "c0875924c1c7987947deafd8780acf49"


def check_points():
    """The points written out here against the library's."""
    seed = bytes(range(32))
    assert keys.encode(keys.times(keys.secret_scalar(seed), keys.BASE)) == keys.public(seed)
    assert len(set(keys.small_points())) == 8


def check_round():
    """Five sites, one lost after it masked; the sum is that of the other four, as lanes and as values."""
    play = cast.play()
    plain = play.plain_sum()
    for lanes, wide, expected in zip(play.total, play.round.wide, plain):
        assert cast.numbers(lanes, 128 if wide else 64) == expected
    assert encode.decode_wide(play.total[1], 5, 4) == [float(sum(play.survivors))]
    encode.decode_packed(play.total[0], 21, 1543, 0.5, 5, 4)


if __name__ == "__main__":
    run()
