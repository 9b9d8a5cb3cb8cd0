# SPDX-License-Identifier: Apache-2.0
"""What is said of what stands around the cards: cause and action for each, in French. Pure."""

import re
from typing import Final

from readers.doctor.model import Around, Facts, Finding, Level

LATE_S: Final = 60
WRONG_S: Final = 300
OLD_TABLES_DAYS: Final = 90
ENDS_SOON_DAYS: Final = 7
# Identifiers of people and centres have nine digits or more; a report goes to whoever helps.
_LONG: Final = re.compile(r"\d{9,}")
_CHANNEL: Final = re.compile(r"(canal|terminal)\s*\d+", re.IGNORECASE)
_READER_KEY: Final = re.compile(r"lecteur|reader|pcsc", re.IGNORECASE)


def findings(facts: Facts) -> list[Finding]:
    """Return what is said of what stands around; nothing where nobody looked."""
    found = facts.around
    if found is None:
        return []
    return [*_galss(found, facts.readers), *_sesam(found), *_ports(found), *_browser(found), *_service(found)]


def _finding(subject: str, level: Level, cause: str, action: str = "") -> Finding:
    return Finding(point="", subject=subject, level=level, cause=_LONG.sub("…", cause), action=action)


def _galss(found: Around, readers: tuple[str, ...]) -> list[Finding]:
    if found.galss is None:
        return [_finding("GALSS", "unknown", "galss.ini n'a pas été trouvé.", "Nécessaire aux seuls composants SESAM-Vitale.")]
    if found.galss.fault is not None:
        return [_finding("GALSS", "error", f"{found.galss.path} est illisible ({found.galss.fault}).", "Réinstaller le GALSS.")]
    channels = {name: keys for name, keys in found.galss.sections.items() if _CHANNEL.fullmatch(name)}
    made = [_finding("GALSS", "ok", f"{found.galss.path} : {len(channels)} canaux ou terminaux.")]
    for name, keys in channels.items():
        # A channel on a reader that is gone makes every start of the components wait for it.
        for key, value in keys.items():
            if _READER_KEY.search(key) and value and not any(value in reader for reader in readers):
                cause = f"Canal fantôme : [{name}] désigne « {value} », qui n'est pas branché."
                made.append(_finding("GALSS", "warning", cause, "Brancher ce lecteur, ou retirer ce canal de galss.ini."))
    return made


def _sesam(found: Around) -> list[Finding]:
    names = ", ".join(found.versions) or "aucune"
    made = [_finding("FSV", "ok" if found.versions else "unknown", f"Versions des composants FSV installées : {names}.")]
    if found.sesam is None:
        return [*made, _finding("sesam.ini", "unknown", "sesam.ini n'a pas été trouvé.", "Nécessaire aux seuls composants SESAM-Vitale.")]
    if found.sesam.fault is not None:
        cause = f"{found.sesam.path} est illisible ({found.sesam.fault})."
        return [*made, _finding("sesam.ini", "error", cause, "Réinstaller les composants FSV.")]
    has = any(name.upper() == "MGC" for name in found.sesam.sections)
    said = "présente" if has else "absente"
    action = "" if has else "Compléter sesam.ini : la section [MGC] règle la lecture des cartes."
    made.append(_finding("sesam.ini", "ok" if has else "warning", f"{found.sesam.path} : section [MGC] {said}.", action))
    return [*made, _tables(found)]


def _tables(found: Around) -> Finding:
    if found.tables is None:
        return _finding("tables FSV", "unknown", "sesam.ini ne dit pas où sont les tables.", "Vérifier sesam.ini.")
    if found.tables.age_days is None:
        return _finding("tables FSV", "error", f"Aucune table dans {found.tables.path}.", "Installer les tables des composants FSV.")
    old = found.tables.age_days > OLD_TABLES_DAYS
    cause = f"{found.tables.count} tables dans {found.tables.path}, la plus récente a {found.tables.age_days} jours."
    return _finding("tables FSV", "warning" if old else "ok", cause, "Mettre les tables à jour." if old else "")


def _ports(found: Around) -> list[Finding]:
    agents = [each for each in found.ports if each.who == "agent"]
    others = [each for each in found.ports if each.who == "other"]
    made = [_finding("port local", "ok", f"L'agent ({each.program or 'sans nom'}) répond sur le port {each.port}.") for each in agents]
    for each in others:
        cause = f"Un autre programme{f' ({each.program})' if each.program else ''} occupe le port {each.port}."
        all_held = len(others) == len(found.ports)
        action = "Le fermer : il ne reste aucun port à l'agent." if all_held else ""
        made.append(_finding("port local", "error" if all_held else "warning", cause, action))
    if not agents:
        action = "Le démarrer pour lire les cartes depuis une page : desmos-fast agent run."
        made.append(_finding("port local", "warning" if found.origin else "unknown", "Aucun agent ne répond sur ce poste.", action))
    return made


def _browser(found: Around) -> list[Finding]:
    if found.policy is None:
        return []
    told: dict[str, tuple[Level, str, str]] = {
        "allowed": ("ok", "Une règle autorise les pages du service à joindre l'agent.", ""),
        "blocked": ("error", "Une règle interdit aux pages du service de joindre l'agent.", "Retirer LocalNetworkAccessBlockedForUrls."),
        "asked": (
            "ok", "Aucune règle : Chrome demande à chaque personne si la page peut joindre l'agent.",
            "Pour ne plus le demander : LocalNetworkAccessAllowedForUrls avec l'adresse du service.",
        ),
    }  # fmt: skip
    return [_finding("Chrome", *told[found.policy])]


def _service(found: Around) -> list[Finding]:
    if found.origin is None:
        return [_finding("service", "unknown", "Ce poste n'est enrôlé dans aucun service.", "L'enrôler : desmos-fast agent enrol.")]
    if not found.service_reached:
        return [
            _finding("service", "error", f"{found.origin} ne répond pas.", "Vérifier le réseau, le mandataire et les certificats."),
            *_ends(found),
        ]
    return [_finding("service", "ok", f"{found.origin} répond."), *_clock(found), *_ends(found)]


def _clock(found: Around) -> list[Finding]:
    if found.drift_s is None:
        return [_finding("horloge", "unknown", "Le service ne dit pas l'heure.")]
    off = abs(found.drift_s)
    level: Level = "error" if off > WRONG_S else "warning" if off > LATE_S else "ok"
    way = "en avance" if found.drift_s > 0 else "en retard"
    cause = "L'horloge est à l'heure du service." if off <= 1 else f"L'horloge est {way} de {off} s sur le service."
    return [_finding("horloge", level, cause, "Activer la mise à l'heure automatique." if level != "ok" else "")]


def _ends(found: Around) -> list[Finding]:
    days = found.certificate_days
    if days is None:
        return []
    level: Level = "error" if days < 0 else "warning" if days < ENDS_SOON_DAYS else "ok"
    cause = "Le certificat du poste est terminé." if days < 0 else f"Le certificat du poste vaut encore {days} jours."
    return [_finding("certificat", level, cause, "" if level == "ok" else "Laisser l'agent connecté, ou enrôler le poste à nouveau.")]
