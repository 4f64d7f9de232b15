from __future__ import annotations

import json

import pytest

from gateway.backoffice.catalogue import DECLARATIONS
from tests.gateway.cli.command_line import CommandLine


@pytest.mark.slow
@pytest.mark.parametrize("name", [api.name for api in DECLARATIONS.apis])
def test_every_back_office_has_its_document(new_gateway: CommandLine, name: str) -> None:
    document = json.loads(new_gateway.run("openapi", name))
    assert document["openapi"].startswith("3.")
    assert document["info"]["title"]
    assert document["paths"]
    assert not new_gateway.folder.exists()  # a document needs no database


def test_an_api_that_is_none_is_told(gateway: CommandLine) -> None:
    assert "invalid choice" in gateway.misused("openapi", "nothing")
