"""TLS of outgoing requests: whom it trusts."""

import ssl

import pytest
from pydantic import ValidationError

from dora_exporter.config.client_tls import TlsConfig, client_context


@pytest.mark.parametrize(("is_skipped", "mode"), [(False, ssl.CERT_REQUIRED), (True, ssl.CERT_NONE)])
def test_certificates_are_verified_unless_that_is_switched_off(*, is_skipped: bool, mode: ssl.VerifyMode) -> None:
    context = client_context(TlsConfig(insecure_skip_verify=is_skipped))
    assert (context.verify_mode, context.check_hostname) == (mode, not is_skipped)


def test_a_mistake_is_told_without_its_value() -> None:
    with pytest.raises(ValidationError) as raised:
        TlsConfig.model_validate({"ca_fille": "s3cret", "cert_file": ["s3cret"]})
    assert raised.value.error_count() == 2
    assert "s3cret" not in str(raised.value)
