"""How it is answered: functions over our rows."""
