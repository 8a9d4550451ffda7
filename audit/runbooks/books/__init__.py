"""The runbooks that there are: a file each. To add one, copy a file and name it here."""

from audit.runbooks.book import Book
from audit.runbooks.books import (
    dropped_database,
    emptied_tables,
    failed_backup,
    leaked_password,
    lost_key,
    protection_gap,
    suspicious_deletes,
    wrong_database,
)

BOOKS: dict[str, Book] = {
    module.BOOK.name: module.BOOK
    for module in (
        dropped_database,
        emptied_tables,
        wrong_database,
        suspicious_deletes,
        leaked_password,
        failed_backup,
        lost_key,
        protection_gap,
    )
}
"""By name, the most frightening first."""
