"""Layout, navigation, landing after a launch, home pages, translations, and the factory that joins the parts."""
