"""What field sales does beyond storing: stock in warehouses, balances, documents, approvals."""
