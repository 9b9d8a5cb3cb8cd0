# SPDX-License-Identifier: Apache-2.0
"""What people read: French, without the name or number of a patient. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from desmos_fast.anomalies.model import AnomalyShown, Kind

PARIS: Final = ZoneInfo("Europe/Paris")
SHOWN: Final = 20


class Words(NamedTuple):
    """What a kind of anomaly means, and what to do."""

    title: str
    action: str


WORDS: Final[Mapping[Kind, Words]] = {
    Kind.ACK_MISSING: Words(
        "Accusé de réception attendu et non reçu", "Interroger l'organisme ; renvoyer le fichier ou refaire le lot sous un nouveau numéro."
    ),
    Kind.ACK_UNKNOWN: Words(
        "Accusé de réception d'un lot inconnu", "Demander à l'organisme d'où vient cette réponse : un double paiement peut suivre."
    ),
    Kind.ACK_CONFLICT: Words(
        "Accusé de réception contraire au précédent",
        "Demander à l'organisme quelle réponse vaut : un double paiement peut suivre.",
    ),
    Kind.CONTENT_CHANGED: Words(
        "Un contenu conservé n'est plus celui qui a été signé ou mis en page", "Arrêter la facturation, vérifier le stockage, restaurer."
    ),
    Kind.FILE_DEAD: Words("Un fichier n'a pas pu être remis", "Corriger la cause, puis reprendre l'envoi (desmos-fast jobs retry)."),
    Kind.RETURN_DEAD: Words(
        "Un retour n'a pas pu être repris", "Regarder ce qui le bloque (desmos-fast returns dead), le reprendre ou l'écarter."
    ),
    Kind.SEND_LATE: Words("Des factures attendent leur envoi depuis trop longtemps", "Constituer les lots."),
    Kind.LOOK_UP_CEILING: Words(
        "Un compte consulte plus de données de patients que prévu",
        "Vérifier avec cette personne ou ce programme ; sinon, mettre fin à ce compte et conserver la piste d'audit.",
    ),
    Kind.SIGN_IN_LOCKED: Words(
        "Trop d'essais de connexion infructueux pour un utilisateur",
        "Demander à cette personne si c'est elle ; sinon, changer son mot de passe.",
    ),
    Kind.STAGE_DIFFERS: Words("Deux étapes du traitement ne donnent pas les mêmes totaux", "Arrêter la facturation, vérifier le stockage."),
}


class Notice(NamedTuple):
    """One mail: its subject and its text."""

    subject: str
    text: str


def notice(finess: str, name: str, anomalies: Sequence[AnomalyShown]) -> Notice:
    """Write what one person is told of a centre; `anomalies` is one or more."""
    count = len(anomalies)
    first = WORDS[Kind(anomalies[0].kind)].title
    subject = f"Centre {finess} : {first}" if count == 1 else f"Centre {finess} : {count} anomalies"
    told = "\n\n".join(_one(rank, anomaly) for rank, anomaly in enumerate(anomalies[:SHOWN], 1))
    rest = f"\n\n… et {count - SHOWN} autres : GET /v1/anomalies" if count > SHOWN else ""
    return Notice(
        subject,
        f"Bonjour {name},\n\nCentre {finess} : {_counted(count)} à traiter.\n\n{told}{rest}\n\n"
        "Une anomalie se ferme d'elle-même quand sa cause a disparu, ou par une personne qui dit pourquoi.\n"
        "Vous recevez ce message parce que votre centre vous a inscrit parmi les personnes à prévenir.\n",
    )


def trial(finess: str, name: str) -> Notice:
    """Write a mail that only shows that mails arrive."""
    return Notice(
        f"Centre {finess} : essai",
        f"Bonjour {name},\n\nCeci est un essai : les anomalies du centre {finess} vous parviendront à cette adresse.\n",
    )


def _counted(count: int) -> str:
    return "une anomalie" if count == 1 else f"{count} anomalies"


def _one(rank: int, anomaly: AnomalyShown) -> str:
    words = WORDS[Kind(anomaly.kind)]
    seen = anomaly.noticed_at.astimezone(PARIS)
    return (
        f"{rank}. {words.title}\n   Constatée le {seen:%d/%m/%Y à %H:%M} (Paris).\n   À faire : {words.action}\n"
        f"   Référence : {anomaly.id}{_trace(anomaly.trace)}"
    )


def _trace(trace: UUID | None) -> str:
    return "" if trace is None else f", fichier {trace}"
