"""Our own database: tables, encrypted columns, migrations."""
