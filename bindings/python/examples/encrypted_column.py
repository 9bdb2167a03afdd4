# SPDX-License-Identifier: MIT OR Apache-2.0
"""An encrypted column with SQLAlchemy: tokens bound to table, column and row, and rotation.

A token that is copied to another row, column or table does not open there. After `rotate`, new values are sealed under
the new version, older ones go on opening, and `reseal` brings them over, in portions and while others write.
"""

from __future__ import annotations

import uuid

from sqlalchemy import LargeBinary, String, create_engine, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

import sealwax


class Base(DeclarativeBase):
    pass


class SealedField:
    """A text attribute that is stored as a token in the column `<name>_token`."""

    #: What seals and opens; an application sets it once, when it starts.
    keyset: sealwax.Keyset | None = None

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, row: Customer | None, owner: type | None = None) -> str | None:
        if row is None:
            raise AttributeError(self.name)
        token: bytes | None = getattr(row, f"{self.name}_token")
        return None if token is None else self.keys().open(token, context=self.context(row)).decode()

    def __set__(self, row: Customer, value: str | None) -> None:
        token = None if value is None else self.keys().seal(value.encode(), context=self.context(row))
        setattr(row, f"{self.name}_token", token)

    def keys(self) -> sealwax.Keyset:
        if self.keyset is None:
            raise sealwax.MisuseError("set SealedField.keyset first")
        return self.keyset

    def context(self, row: Customer) -> dict[str, str]:
        return {"table": row.__tablename__, "column": self.name, "row": row.id}


class Customer(Base):
    __tablename__ = "customers"

    # The id is there before the row is: a token is bound to it.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str]
    card_token: Mapped[bytes | None] = mapped_column(LargeBinary)
    card = SealedField()

    def __init__(self, name: str, card: str | None) -> None:
        super().__init__(id=uuid.uuid4().hex, name=name)
        self.card = card


def reseal(session: Session, portion: int = 1000) -> int:
    """Seals anew what is not sealed under the primary version; how many values."""
    field = Customer.__dict__["card"]
    primary = bytes.fromhex(field.keys().primary or "")
    done, last = 0, ""
    while True:
        rows = session.scalars(select(Customer).where(Customer.id > last).order_by(Customer.id).limit(portion)).all()
        if not rows:
            return done
        last = rows[-1].id
        # Bytes 1 to 4 of a token are its version (format.md 6.2).
        stale = [row for row in rows if row.card_token is not None and row.card_token[1:5] != primary]
        contexts = [field.context(row) for row in stale]
        olds = [row.card_token for row in stale if row.card_token is not None]
        values = field.keys().open_many(olds, context=contexts)
        tokens = field.keys().seal_many(values, context=contexts)
        for row, old, new in zip(stale, olds, tokens, strict=True):
            # Only where nobody wrote another value meanwhile.
            where = (Customer.id == row.id, Customer.card_token == old)
            session.execute(update(Customer).where(*where).values(card_token=new))
        session.commit()
        done += len(stale)


def main() -> tuple[str | None, int]:
    SealedField.keyset = sealwax.Keyset.generate("customers")
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all([Customer("Ada", "4111 1111 1111 1111"), Customer("Grace", None)])
        session.commit()
        SealedField.keyset.rotate()
        moved = reseal(session)
        ada = session.scalars(select(Customer).where(Customer.name == "Ada")).one()
        return ada.card, moved


if __name__ == "__main__":
    print(main())
