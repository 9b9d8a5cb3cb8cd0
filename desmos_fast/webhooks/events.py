# SPDX-License-Identifier: Apache-2.0
"""The names of all that happens in a centre, which are those that a webhook may ask for."""

from typing import Final

_NAMES: Final = """
    accounting.closed accounting.set
    ack.accepted ack.conflict ack.refused ack.unknown
    anomaly.noticed anomaly.resolved
    audit.made
    bank.imported
    clock.advanced
    contact.added contact.ended
    decision.accept decision.assign decision.claim decision.dispute decision.from_patient decision.indu_accept decision.indu_contest
    decision.indu_write_off decision.match decision.payment decision.recycle decision.refund decision.refuse decision.split
    decision.time_bar decision.to_patient decision.undo decision.unpay decision.unsplit decision.write_off
    file.acknowledged file.cancelled file.dead file.queued file.queued_again file.sent
    follow_up.set
    incident.acknowledged incident.attributed incident.cancelled incident.declared incident.degraded incident.restored
    invoice.priced invoice.signed invoice.supersedes
    label.forgotten label.taught
    lot.ack_missing lot.dissolved lot.given_up lot.replaced lot.sealed
    match.confirmed match.undone
    matching.set
    payment.attached payment.received payment.refunded payment.unpaid
    reminder.cancelled reminder.made reminder.sent reminder.settled
    return.dead return.discarded return.imported return.taken
    schedule.ended schedule.failed schedule.ran schedule.set
    share.ack_missing share.announced share.due share.from_patient share.indu share.lotted share.pending share.recycled share.rejected
    share.reminded share.sent share.settled share.time_barred share.to_patient share.waiting share.written_off
    webhook.added webhook.dead webhook.ended webhook.rotated
    """
EVENTS: Final = frozenset(_NAMES.split())
