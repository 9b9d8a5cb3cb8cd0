# SPDX-License-Identifier: Apache-2.0
"""Every stable problem code: its status, its English title and the French title that a centre's screen shows."""

from typing import Final, NamedTuple


class Title(NamedTuple):
    """What a code means: HTTP status, English and French titles."""

    status: int
    en: str
    fr: str


PROBLEMS: Final[dict[str, Title]] = {
    # The request itself.
    "invalid_input": Title(422, "The input cannot be accepted", "Les données ne peuvent pas être acceptées"),
    "faulty_input": Title(422, "The input has faults", "Les données contiennent des erreurs"),
    "not_json": Title(400, "The body is not JSON of this shape", "Le corps n'est pas du JSON de cette forme"),
    "empty_body": Title(400, "The body is empty", "Le corps est vide"),
    "bad_request": Title(400, "The request is malformed", "La requête est mal formée"),
    "bad_parameter": Title(400, "A parameter of the query is wrong", "Un paramètre de la requête est incorrect"),
    "bad_cursor": Title(400, "The cursor is not one of ours", "Le curseur n'est pas l'un des nôtres"),
    "idempotency_key_missing": Title(400, "Idempotency-Key is required on every write", "L'en-tête Idempotency-Key est obligatoire"),
    "idempotency_key_bad": Title(400, "Idempotency-Key has a wrong form", "L'en-tête Idempotency-Key est mal formé"),
    "unauthorized": Title(401, "An API key is required", "Une clé d'API est nécessaire"),
    "bad_centre": Title(422, "The centre cannot be registered", "Le centre ne peut pas être enregistré"),
    "unknown_centre": Title(404, "No centre has that FINESS", "Aucun centre n'a ce FINESS"),
    "centre_exists": Title(409, "The FINESS is registered under another name", "Ce FINESS est enregistré sous un autre nom"),
    "forbidden": Title(403, "This key may not do that", "Cette clé n'y est pas autorisée"),
    "not_found": Title(404, "No such thing here", "Introuvable"),
    "method_not_allowed": Title(405, "This method is not offered here", "Cette méthode n'est pas proposée ici"),
    "body_too_slow": Title(408, "The body stopped arriving", "Le corps n'arrive plus"),
    "body_too_large": Title(413, "The body is too large", "Le corps est trop volumineux"),
    "batch_too_long": Title(413, "The batch has too many lines", "Le lot de lignes est trop long"),
    "media_type": Title(415, "This media type is not accepted", "Ce type de contenu n'est pas accepté"),
    "idempotency_key_reused": Title(422, "The key was used with another content", "La clé a déjà servi avec un autre contenu"),
    # What is recorded says otherwise.
    "conflict": Title(409, "This contradicts what is recorded", "Ceci contredit ce qui est enregistré"),
    "invoice_numbers_exhausted": Title(409, "No invoice number is left", "Tous les numéros de facture sont utilisés"),
    "idempotency_key_running": Title(409, "The first request with this key still runs", "La première requête avec cette clé est en cours"),
    # What we depend on, and ourselves.
    "outside_failed": Title(503, "Something outside failed", "Un service dont nous dépendons a échoué"),
    "database_unavailable": Title(503, "The database is away", "La base de données est indisponible"),
    "busy": Title(503, "Too many requests at once", "Trop de requêtes à la fois"),
    "stopping": Title(503, "The service is stopping", "Le service s'arrête"),
    "internal": Title(500, "Our mistake", "Erreur de notre part"),
    "child_failed": Title(503, "A child process failed", "Un processus lancé par le programme a échoué"),
    "unreachable": Title(503, "The service does not answer", "Le service ne répond pas"),
    "refused": Title(422, "The service refused the request", "Le service a refusé la requête"),
    "contradicted": Title(409, "The service holds something else", "Le service a enregistré autre chose"),
    "bank_refused": Title(422, "The bank statement is refused", "Le relevé bancaire est refusé"),
    "payers_invalid": Title(422, "A table of payers is not sound", "Une table de payeurs est incohérente"),
    "lot_numbers_exhausted": Title(409, "Every lot number awaits an answer", "Tous les numéros de lot attendent une réponse"),
    "shares_moved": Title(409, "Shares moved meanwhile", "Des parts ont changé d'état entre-temps"),
    "return_repeated": Title(409, "The content of this return was imported before", "Le contenu de ce retour a déjà été importé"),
    "wrong_recipient": Title(422, "The file is addressed to another centre", "Le fichier est adressé à un autre centre"),
    "transport_name_invalid": Title(422, "This is not the name of a file", "Ce n'est pas un nom de fichier"),
    "transport_name_taken": Title(409, "Another file was sent under this name", "Un autre fichier a été envoyé sous ce nom"),
    "transport_failed": Title(503, "The file could not be handed over", "Le fichier n'a pas pu être transmis"),
    "content_changed": Title(500, "What was kept is not what was signed", "Un contenu conservé n'est plus celui qui a été signé"),
    "lot_rows_disagree": Title(500, "Columns of a build contradict each other", "Les colonnes d'une constitution de lots se contredisent"),
    "layout_invalid": Title(422, "A layout pack is not sound", "Un jeu de tables de format est incohérent"),
    "claims_unreadable": Title(422, "These are no claim files", "Ce ne sont pas des fichiers de facturation"),
    "answer_overflow": Title(500, "A simulated answer does not fit its layout", "Une réponse simulée dépasse son format"),
    "seal_broken": Title(500, "A sealed row does not open", "Une donnée chiffrée ne s'ouvre pas"),
}

FAULTS_FR: Final[dict[str, str]] = {
    "B2_BAD_JSON": "Ce n'est pas du JSON de la forme attendue",
    "B2_UNKNOWN_KEY": "Clé inconnue",
    "B2_MISSING": "Donnée obligatoire absente",
    "B2_OVERFLOW": "Valeur trop large pour sa zone",
    "B2_BAD_LENGTH": "L'enregistrement n'a pas 128 caractères",
    "B2_BAD_CHAR": "Caractère non permis",
    "B2_UNKNOWN_RECORD": "Type d'enregistrement inconnu",
    "B2_UNSUPPORTED_RECORD": "Type d'enregistrement non pris en charge",
    "B2_BAD_ORDER": "Enregistrement absent ou mal placé",
    "B2_HEADER_MISMATCH": "Zone répétée différente de l'en-tête",
    "B2_UNEXPECTED_VALUE": "Constante inattendue",
    "B2_BAD_FILLER": "Zone qui devait rester à blanc",
    "B2_BAD_NUMERIC": "Zone non numérique",
    "B2_BAD_DATE": "Date incorrecte",
    "B2_BAD_VALUE": "Valeur non permise",
    "B2_BAD_NIR": "NIR mal formé",
    "B2_NIR_KEY": "Clé du NIR incorrecte",
    "B2_FINESS_KEY": "Clé du FINESS incorrecte",
    "B2_LIST_GAP": "Liste à trous",
    "B2_MIXED_PRESCRIBER": "Prescripteur différent d'une ligne à l'autre",
    "B2_COUNT_MISMATCH": "Compteur incorrect",
    "B2_BAD_TOTAL": "Total incorrect",
    "B2_SPLIT_AMOUNT": "Montant AMC dans une facture scindée",
    "amount_mismatch": "Montant différent de ce que donnent la base et le taux",
    "B2_AMOUNTS": "La somme des parts dépasse les honoraires",
    "B2_DUPLICATE_NUMBER": "Numéro de facture déjà utilisé",
    "B2_DUPLICATE_LOT": "Numéro de lot déjà utilisé",
    "B2_LOT_MISMATCH": "La facture n'a pas sa place dans ce lot",
    "B2_BAD_OUTCOME": "Résultat contraire au code ou aux montants",
    "B2_WRONG_KIND": "Fichier correct mais d'une autre sorte",
    "BANK_RECORD_LENGTH": "Un enregistrement du relevé n'a pas 120 caractères",
    "BANK_UNKNOWN_RECORD": "Enregistrement inconnu dans un relevé CFONB 120",
    "BANK_BAD_DATE": "Date incorrecte dans le relevé",
    "BANK_BAD_AMOUNT": "Montant illisible dans le relevé",
    "BANK_NO_OPENING": "Mouvement ou nouveau solde sans ancien solde",
    "BANK_NO_CLOSING": "Nouveau solde absent",
    "BANK_ORPHAN_DETAIL": "Complément sans mouvement",
    "BANK_KEY_MISMATCH": "Le compte change au milieu d'un bloc",
    "BANK_UNBALANCED": "Les mouvements ne mènent pas de l'ancien solde au nouveau",
    "BANK_CURRENCY": "Devise incorrecte ou différente dans un même bloc",
    "BANK_XML": "Fichier XML : seuls les relevés CFONB 120 sont lus",
    "BANK_DECIMALS": "Les décimales ne conviennent pas à la devise",
    "BANK_EMPTY": "Le fichier ne contient aucun enregistrement",
    "BANK_TOO_LARGE": "Le fichier est trop volumineux",
    "amount_missing": "Montant absent, et aucun tarif ne fixe le prix de cet acte",
    "wrong_biller": "Le facturant n'est pas le centre de cette clé",
    "wrong_key_kind": "Une clé d'essai n'accepte que des personnes fictives, une clé réelle les refuse",
    "LOT_NUMBERS_EXHAUSTED": "Tous les numéros de lot attendent une réponse",
}
FAULT_FR_DEFAULT: Final = "Donnée refusée"
