"""Words that papers hold of themselves, in the languages that clients ask for."""

from __future__ import annotations

from collections.abc import Mapping

#: English word -> the word in each other language.
_WORDS: Mapping[str, Mapping[str, str]] = {
    "Description": {"nl": "Omschrijving", "de": "Beschreibung"},
    "Quantity": {"nl": "Aantal", "de": "Menge", "fr": "Quantité"},
    "Price": {"nl": "Prijs", "de": "Preis", "fr": "Prix"},
    "VAT": {"nl": "Btw", "de": "MwSt.", "fr": "TVA"},
    "Amount": {"nl": "Bedrag", "de": "Betrag", "fr": "Montant"},
    "Net": {"nl": "Netto", "de": "Netto", "fr": "Hors taxes"},
    "of": {"nl": "over", "de": "auf", "fr": "sur"},
    "Total": {"nl": "Totaal", "de": "Summe"},
    "Signature": {"nl": "Handtekening", "de": "Unterschrift"},
    "Date": {"nl": "Datum", "de": "Datum"},
    "Due": {"nl": "Vervaldatum", "de": "Fällig am", "fr": "Échéance"},
    "Valid until": {"nl": "Geldig tot", "de": "Gültig bis", "fr": "Valable jusqu'au"},
    "Status": {"fr": "Statut"},
    "Invoice": {"nl": "Factuur", "de": "Rechnung", "fr": "Facture"},
    "Order": {"nl": "Bestelling", "de": "Auftrag", "fr": "Commande"},
    "Quote": {"nl": "Offerte", "de": "Angebot", "fr": "Devis"},
    "Receipt": {"nl": "Kwitantie", "de": "Quittung", "fr": "Reçu"},
}

LANGUAGES = ("en", "nl", "de", "fr")


def worded(word: str, language: str) -> str:
    """Return an English word of a paper in a language; as it is where there is no other."""
    return _WORDS.get(word, {}).get(language, word)


def language_of(tag: str) -> str:
    """Return the language of a tag such as ``nl-NL``.

    Raises:
        ValueError: papers do not speak it; the text completes "The x field ...".
    """
    found = tag.replace("_", "-").partition("-")[0].lower()
    if found not in LANGUAGES:
        raise ValueError(f"must be one of: {', '.join(LANGUAGES)}.")
    return found
