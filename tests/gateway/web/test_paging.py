from __future__ import annotations

import pytest

from gateway.config import CustomerApiSettings, PartnerApiSettings
from gateway.domain.errors import Invalid
from gateway.web.paging import CUSTOMER, PARTNER, Page, PageProfile, page_from


def test_defaults() -> None:
    assert page_from({}, CUSTOMER) == Page(0, 25)
    assert page_from({"offset": "", "limit": ""}, PARTNER) == Page(0, 25)


@pytest.mark.parametrize(("profile", "most"), [(CUSTOMER, 200), (PARTNER, 1_000)])
def test_the_limit_goes_from_nothing_to_the_profiles_most(profile: PageProfile, most: int) -> None:
    assert page_from({"limit": "0"}, profile) == Page(0, 0)
    assert page_from({"limit": str(most), "offset": "7"}, profile) == Page(7, most)
    with pytest.raises(Invalid, match=f"from 0 to {most}") as refused:
        page_from({"limit": str(most + 1)}, profile)
    assert refused.value.field == "limit"


@pytest.mark.parametrize("offset", ["-1", "x", "9223372036854775808"])
def test_a_wrong_offset_is_refused(offset: str) -> None:
    with pytest.raises(Invalid) as refused:
        page_from({"offset": offset}, CUSTOMER)
    assert refused.value.field == "offset"


def test_the_profiles_are_the_settings_defaults() -> None:
    customer, partner = CustomerApiSettings(), PartnerApiSettings()
    assert PageProfile(customer.page_default, customer.page_limit) == CUSTOMER
    assert PageProfile(partner.page_default, partner.page_limit) == PARTNER
