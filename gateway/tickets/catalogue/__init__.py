"""What can be ordered for which vehicle: bringing the catalogue in, and finding a vehicle in it.

    sheets      CSV files -> typed rows; every wrong cell of every file is reported at once
    importer    checks what rows say about each other, then writes the whole catalogue
    price_list  prices added to products that are known
    rates       exchange rates, by the day
    vin         a vehicle identification number -> make, model group, model, variant

Reading the catalogue for a vehicle is ``storage.queries.vehicles`` and ``.products``; prices are
computed in ``tickets.prices``.
"""
