# SPDX-License-Identifier: Apache-2.0
"""What the annex of the contract asks of a workstation, applied to what is known of one. Pure."""

import re
from typing import Final, NamedTuple

from readers.doctor.desk_rules import findings
from readers.doctor.model import Asked, Facts, Finding, Level, Report, Verdict
from readers.sessions.pairs import pairs

GB: Final = 1_000_000_000
KBPS_A_USER: Final = 200
BROWSERS: Final = {"firefox": "Firefox", "chrome": "Chrome"}
BROWSER_LEAST: Final = 90
WIDTH, HEIGHT = 1920, 1080
BACKENDS: Final = {
    "pcsc": "par PC/SC : l'identité seule, sans droits",
    "ssv": "par les composants SESAM-Vitale",
    "simulator": "par le simulateur : des assurés fictifs",
}
RANKS: Final[tuple[Verdict, ...]] = ("unsupported", "unknown", "minimum", "recommended")


class Bound(NamedTuple):
    """From where on something is as recommended, and as the annex asks at least."""

    recommended: int
    minimum: int

    def of(self, value: int | None) -> Verdict:
        """Return what a value reaches."""
        if value is None:
            return "unknown"
        return "recommended" if value >= self.recommended else "minimum" if value >= self.minimum else "unsupported"


MEMORY: Final = Bound(6 * GB, 4 * GB)
MEMORY_MOBILE: Final = Bound(8 * GB, 8 * GB)
DISK_MOBILE: Final = Bound(128 * GB, 128 * GB)
CORES: Final = Bound(6, 4)
MHZ: Final = Bound(2500, 2300)
# Of Windows, in hundredths: 8.1 is 6.3 in what the system says of itself.
WINDOWS: Final = Bound(1000, 603)
_LEVELS: Final[dict[Verdict, Level]] = {"recommended": "ok", "minimum": "ok", "unsupported": "error", "unknown": "unknown"}


def report(facts: Facts, asked: Asked) -> Report:
    """Say what a workstation is by the annex, and each thing that led to it."""
    found = [_system(facts), _memory(facts, asked), _cpu(facts), _screen(facts), *_mobile(facts, asked)]
    verdict = min((finding.reaches for finding in found if finding.reaches is not None), key=RANKS.index)
    found += [*_browsers(facts), _updates(facts, asked), *_line(facts, asked), *_readers(facts), *_cards(facts), *findings(facts)]
    return Report(verdict=verdict, facts=facts, findings=found)


def _sized(point: str, subject: str, reaches: Verdict, cause: str, action: str) -> Finding:
    wanting = reaches in ("unsupported", "unknown")
    return Finding(point=point, subject=subject, level=_LEVELS[reaches], reaches=reaches, cause=cause, action=action if wanting else "")


def _system(facts: Facts) -> Finding:
    if facts.system != "Windows":
        return _sized(
            "R28", "système", "unknown", f"L'annexe ne parle que de Windows ; ce poste est sous {facts.system}.",
            "Vérifier avec l'éditeur que ce système convient.",
        )  # fmt: skip
    found = re.match(r"(\d+)(?:\.(\d+))?", facts.version or "")
    number = int(found[1]) * 100 + int(found[2] or 0) if found else None
    return _sized(
        "R28", "système", WINDOWS.of(number), f"Windows {facts.version or 'de version inconnue'}.", "Installer Windows 10 ou plus récent."
    )


def _memory(facts: Facts, asked: Asked) -> Finding:
    bound = MEMORY_MOBILE if asked.mobile else MEMORY
    size = "inconnue" if facts.memory_bytes is None else f"{_french(facts.memory_bytes / GB)} Go"
    least = "8 Go" if asked.mobile else "6 Go, 4 Go au moins"
    return _sized(
        "R36" if asked.mobile else "R28", "mémoire", bound.of(facts.memory_bytes), f"Mémoire : {size}.", f"Ajouter de la mémoire : {least}."
    )


def _cpu(facts: Facts) -> Finding:
    reaches = min(CORES.of(facts.cores), MHZ.of(facts.cpu_mhz), key=RANKS.index)
    speed = "fréquence inconnue" if facts.cpu_mhz is None else f"{_french(facts.cpu_mhz / 1000)} GHz"
    cores = "nombre de cœurs inconnu" if facts.cores is None else f"{facts.cores} cœurs"
    return _sized(
        "R28", "processeur", reaches, f"Processeur {facts.cpu or 'inconnu'} : {cores}, {speed}.",
        "Il faut au moins l'équivalent d'un Core i5 à 4 cœurs et 2,3 GHz.",
    )  # fmt: skip


def _screen(facts: Facts) -> Finding:
    if facts.screen is None:
        return _sized("R28", "écran", "unknown", "Définition de l'écran inconnue.", "Vérifier qu'elle atteint 1920 × 1080.")
    width, height = facts.screen
    reaches: Verdict = "recommended" if width >= WIDTH and height >= HEIGHT else "unsupported"
    return _sized("R28", "écran", reaches, f"Écran : {width} × {height}.", "Il faut un écran d'au moins 1920 × 1080.")


def _mobile(facts: Facts, asked: Asked) -> list[Finding]:
    if not asked.mobile:
        return []
    size = "inconnu" if facts.disk_bytes is None else f"{facts.disk_bytes // GB} Go"
    return [_sized("R36", "disque", DISK_MOBILE.of(facts.disk_bytes), f"Disque : {size}.", "Il faut un disque d'au moins 128 Go.")]


def _browsers(facts: Facts) -> list[Finding]:
    if not facts.browsers:
        return [
            Finding(
                point="R31", subject="navigateur", level="unknown", cause="Ni Firefox ni Chrome n'a été trouvé.",
                action="Installer Firefox ou Chrome, version 90 ou plus récente.",
            )
        ]  # fmt: skip
    return [_browser(name, version) for name, version in sorted(facts.browsers.items())]


def _browser(name: str, version: str) -> Finding:
    found = re.match(r"\d+", version)
    old = found is None or int(found[0]) < BROWSER_LEAST
    return Finding(
        point="R31", subject="navigateur", level="warning" if old else "ok", cause=f"{BROWSERS.get(name, name)} {version}.",
        action="Mettre le navigateur à jour : version 90 ou plus récente." if old else "",
    )  # fmt: skip


def _updates(facts: Facts, asked: Asked) -> Finding:
    age = facts.update_age_days
    if age is None:
        return Finding(
            point="R30", subject="mises à jour", level="unknown", cause="Date de la dernière mise à jour du système inconnue.",
            action="Vérifier que les mises à jour du système sont faites régulièrement.",
        )  # fmt: skip
    late = age > asked.update_age_days
    return Finding(
        point="R30", subject="mises à jour", level="warning" if late else "ok",
        cause=f"Dernière mise à jour du système il y a {age} jour{'s' if age > 1 else ''}.",
        action="Lancer les mises à jour du système." if late else "",
    )  # fmt: skip


def required_kbps(users: int) -> int:
    """Return the speed (kbit/s) that a line must have for so many users of one centre."""
    return KBPS_A_USER * users


def _line(facts: Facts, asked: Asked) -> list[Finding]:
    """Nothing is said of a line that was not measured: that is done when a URL is given, and for people whose number is known."""
    if facts.line_kbps is None or asked.users is None:
        return []
    needed = required_kbps(asked.users)
    slow = facts.line_kbps < needed
    return [
        Finding(
            point="R26", subject="ligne", level="error" if slow else "ok",
            cause=f"Débit mesuré : {facts.line_kbps} kbit/s ; nécessaire pour {asked.users} utilisateurs : {needed} kbit/s.",
            action="Demander une ligne plus rapide ; sa mise en place et son abonnement sont à la charge du centre (R27)." if slow else "",
        )
    ]  # fmt: skip


def _readers(facts: Facts) -> list[Finding]:
    def finding(level: Level, cause: str, action: str = "") -> Finding:
        return Finding(point="R36", subject="lecteur", level=level, cause=cause, action=action)

    if not facts.library:
        return [
            finding("error", "La bibliothèque des lecteurs n'est pas installée.", "Installer l'extra : pip install 'desmos-fast[readers]'.")
        ]
    if not facts.service:
        return [finding("error", "Le service de cartes du système ne répond pas.", "Démarrer le service (pcscd, ou « Carte à puce »).")]
    if not facts.readers:
        return [finding("error", "Le service de cartes ne voit aucun lecteur.", "Brancher le lecteur et installer son pilote.")]
    found = [finding("ok", f"Lecteurs : {', '.join(facts.readers)}.")]
    if len(facts.readers) < 2:
        found.append(
            finding("warning", "Un seul logement : la CPS et la Vitale n'y tiennent pas ensemble.", "Prévoir un lecteur à deux logements.")
        )
    elif not pairs(facts.readers, facts.pairs):
        action = "Dire lesquels vont ensemble : [pairs], dans le fichier de DESMOS_CARDS."
        found.append(finding("warning", "Les lecteurs ne sont pas les deux logements d'un même appareil.", action))
    found += [finding("warning", f"La carte dans {name} ne répond pas.", "Retourner la carte.") for name in facts.mute]
    return found


def _cards(facts: Facts) -> list[Finding]:
    """Say how cards are read here, and of each library that is set whether it can be loaded."""
    if facts.settings_fault is not None:
        cause = f"Le fichier de DESMOS_CARDS est inutilisable : {facts.settings_fault}."
        return [_card("lecture", "error", cause, "Corriger ce fichier.")]
    found = [_card("lecture", "ok", f"Les cartes sont lues {BACKENDS[facts.backend]}.")]
    for subject, vendor in (("CPS", facts.cps), ("SSV", facts.ssv)):
        if vendor is not None and vendor.loads:
            found.append(_card(subject, "ok", f"Le composant {vendor.path} se charge{f' : {vendor.said}' if vendor.said else ''}."))
        elif vendor is not None:
            cause = f"Le composant {vendor.path} ne se charge pas : {vendor.said}."
            found.append(_card(subject, "error", cause, "Installer le composant du fournisseur, ou corriger son chemin."))
    return found


def _card(subject: str, level: Level, cause: str, action: str = "") -> Finding:
    return Finding(point="", subject=subject, level=level, cause=cause, action=action)


def _french(number: float) -> str:
    return f"{number:.1f}".replace(".", ",")
