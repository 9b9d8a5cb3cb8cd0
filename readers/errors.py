# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between us and a card. No text here ever holds what a card said."""

from desmos_fast.base.errors import OutsideFailed


class ReaderError(OutsideFailed):
    """Something between the program and the card failed."""

    code = "reader_failed"


class CardGone(ReaderError):
    """The card left, or was swapped: whatever was read from it is to be dropped, and its session never comes back."""

    code = "card_removed"


class CardReset(ReaderError):
    """Another program reset the card, more often than we take up again."""

    code = "card_reset"


class CardBusy(ReaderError):
    """Another program holds the card, or the card does not come to an end, for longer than the caller waits."""

    code = "card_busy"


class CardMute(ReaderError):
    """A card is in the reader and does not answer."""

    code = "card_mute"


class CardAnswer(ReaderError):
    """The card answers, but not as a card does."""

    code = "card_answer"


class CardTimeout(ReaderError):
    """No card came in time."""

    code = "card_timeout"


class CardNirKey(ReaderError):
    """The NIR on the card has not the right key; its value is never shown."""

    code = "card_nir_key"


class CardNoIdentity(ReaderError):
    """The card has no identity that can be read."""

    code = "card_no_identity"


class ReaderGone(ReaderError):
    """The reader was unplugged, or there never was one of that name."""

    code = "reader_removed"


class ServiceDown(ReaderError):
    """The card service of the machine is down; it is looked for again until it is back."""

    code = "pcsc_service"


class NoLibrary(ReaderError):
    """The library that speaks to card readers is not installed."""

    code = "pcsc_library"


class Refused(ReaderError):
    """The card service refused for a reason that has no kind of its own."""

    code = "pcsc_refused"


class VendorLibrary(ReaderError):
    """A library of a vendor is not there, cannot be loaded, or is not what it should be."""

    code = "vendor_library"


class VendorFailed(ReaderError):
    """A library of a vendor hung or crashed; the program that held it was ended, and the next call starts another."""

    code = "vendor_failed"


class CpsAbsent(ReaderError):
    """No card of a health professional is in any reader that the issuer's library sees."""

    code = "cps_absent"


class CpsCodeWrong(ReaderError):
    """The card refused the code. It is never sent again by itself: three wrong ones block the card."""

    code = "cps_code"


class CpsBlocked(ReaderError):
    """The card takes no code any more."""

    code = "cps_blocked"


class CpsLastTry(ReaderError):
    """One try is left: no code is sent unless somebody says that it may be."""

    code = "cps_last_try"


class NotOffered(ReaderError):
    """The backend that is set cannot give what was asked for."""

    code = "backend_lacks"
