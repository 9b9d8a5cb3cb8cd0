# SPDX-License-Identifier: Apache-2.0
"""The command groups, each defined once so that several modules can add to one."""

from typing import Final

import typer

LAYOUTS: Final = " Layouts: the test profile, or those in the folder DESMOS_LAYOUTS."

fse = typer.Typer(no_args_is_help=True, help="Encode, decode and check claims (records 2 to 5)." + LAYOUTS)
lots = typer.Typer(no_args_is_help=True, help="Group claims into lots and lay out whole files." + LAYOUTS)
returns = typer.Typer(no_args_is_help=True, help="Read acknowledgements (ARL) and returns (RSP)." + LAYOUTS)
rejects = typer.Typer(no_args_is_help=True, help="What payers refuse: the table of codes, the queue, what is billed again.")
bank = typer.Typer(no_args_is_help=True, help="Read bank statements.")
synth = typer.Typer(no_args_is_help=True, help="Make synthetic days: invented people, real chains.")
centre = typer.Typer(no_args_is_help=True, help="Register health centres.")
files = typer.Typer(no_args_is_help=True, help="Claim files of a centre: look, take, send again, cancel.")
schedule = typer.Typer(no_args_is_help=True, help="When the lots of a centre are built by themselves.")
webhooks = typer.Typer(no_args_is_help=True, help="Where a centre is told of what happens.")
contacts = typer.Typer(no_args_is_help=True, help="Who is told by mail of what is out of the ordinary in a centre.")
followup = typer.Typer(no_args_is_help=True, help="What is due, late, near forclusion or taken back, and the delays of a centre.")
reminders = typer.Typer(no_args_is_help=True, help="Reminders to payers and patients: look, letters, sent, cancelled.")
audit = typer.Typer(no_args_is_help=True, help="Reports on a time of a centre, and the trail of who looked at what.")
matches = typer.Typer(no_args_is_help=True, help="What was matched in a centre, and why.")
jobs = typer.Typer(no_args_is_help=True, help="Jobs that failed for good and are held.")
key = typer.Typer(no_args_is_help=True, help="API keys of a centre: make, list, revoke, rotate.")
access = typer.Typer(no_args_is_help=True, help="The rights that people and programs have in a centre.")
user = typer.Typer(no_args_is_help=True, help="Users of a centre: add, list, reset, release, end.")
keys = typer.Typer(no_args_is_help=True, help="Master keys, under which all that tells of patients is sealed: show, rotate, wrap.")
matching = typer.Typer(no_args_is_help=True, help="How a centre matches: windows, payers, labels that people explained.")
export = typer.Typer(no_args_is_help=True, help="The books of a centre for accounting: FEC and what accounting programs take.")
import_ = typer.Typer(no_args_is_help=True, help="Import national tables and tariff packs: one for all centres.")
nomenclature = typer.Typer(no_args_is_help=True, help="Look at the national tables that were imported.")
ledger = typer.Typer(no_args_is_help=True, help="The books of a centre: whether they still say what was posted, and trial balances.")
payments = typer.Typer(no_args_is_help=True, help="What patients pay at the desk of a centre.")
incident = typer.Typer(no_args_is_help=True, help="Incidents of the service and maintenance, with the clocks of the contract.")
slo = typer.Typer(no_args_is_help=True, help="The availability that the contract promises: rules of Prometheus, the report of a month.")
agents = typer.Typer(no_args_is_help=True, help="Workstations of a centre: codes that let one in, which there are, block one.")
agent = typer.Typer(no_args_is_help=True, help="The agent of a workstation: card readers, the cards in them, whether the machine will do.")
bridges = typer.Typer(no_args_is_help=True, help="Imaging programs that are started with the patient of the moment.")
backup = typer.Typer(no_args_is_help=True, help="Backups of the database: take, verify, list, and restore one for trial.")
