"""What stands in a product's texts: which one is being prepared, which was handed in last, what was decided on it."""

from __future__ import annotations

from lti_app.products.models import Decision, Product, ProductReview, ProductVersion


def open_version(product: Product) -> ProductVersion | None:
    """Return the text that is being prepared, or None."""
    return next((one for one in reversed(product.versions) if one.submitted_at is None), None)


def handed_in(product: Product) -> ProductVersion | None:
    """Return the text that was handed in last, or None."""
    return next((one for one in reversed(product.versions) if one.submitted_at is not None), None)


def holding_review(version: ProductVersion | None) -> ProductReview | None:
    """Return the answer to a text that holds, or None where there is none or it was taken back."""
    return next((one for one in version.reviews if one.undone_at is None), None) if version is not None else None


def accepted_version(product: Product) -> ProductVersion | None:
    """Return the text that was accepted, or None."""
    version = handed_in(product)
    review = holding_review(version)
    return version if review is not None and review.decision is Decision.ACCEPTED else None


def last_remarks(product: Product) -> ProductReview | None:
    """Return the answer with which the product was returned last, or None."""
    reviews = [holding_review(version) for version in product.versions if version.submitted_at is not None]
    return next((one for one in reversed(reviews) if one is not None and one.decision is Decision.RETURNED), None)
