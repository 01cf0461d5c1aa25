/**
 * The register: measurement → the one channel tag it may carry → fields, each with its valid
 * range and one sentence (design.md section 4). Units and types follow from the fields' names.
 * Names are API: adding is safe, renaming needs a decision note.
 */

export interface FieldEntry {
  readonly about: string;
  /** Lowest and highest value that can be true; outside it the row's quality is 2. */
  readonly range?: readonly [lowest: number, highest: number];
  /** What whole numbers of a `_state` or `_code` field mean. */
  readonly states?: Readonly<Record<number, string>>;
  /** A text, not a number: only for what has no number. */
  readonly text?: true;
  /** A counter known to begin again at 0 with what counts it: a fall is such a beginning. */
  readonly restarts?: true;
}

export interface MeasurementEntry {
  readonly about: string;
  /** The only tag besides identity and place, or none. */
  readonly channel?: string;
  readonly fields: Readonly<Record<string, FieldEntry>>;
}

const onOff = { 0: "off", 1: "on" } as const;
const noYes = { 0: "no", 1: "yes" } as const;

const electrical = {
  active_power_w: { about: "Active power drawn.", range: [-1e9, 1e9] },
  apparent_power_va: { about: "Apparent power.", range: [0, 1e9] },
  reactive_power_var: { about: "Reactive power.", range: [-1e9, 1e9] },
  power_factor_ratio: { about: "Active over apparent power.", range: [-1, 1] },
  voltage_v: { about: "RMS voltage, line to neutral.", range: [0, 1e6] },
  current_a: { about: "RMS current.", range: [0, 1e5] },
} as const satisfies Record<string, FieldEntry>;

const lineQuality = {
  voltage_ll_v: { about: "RMS voltage, line to line.", range: [0, 1e6] },
  thd_v_pct: { about: "Total harmonic distortion of the voltage.", range: [0, 400] },
  thd_i_pct: { about: "Total harmonic distortion of the current.", range: [0, 1000] },
} as const satisfies Record<string, FieldEntry>;

const energy = {
  energy_wh_total: { about: "Active energy imported, never reset, unwrapped.", range: [0, 9e15] },
} as const satisfies Record<string, FieldEntry>;

export const measurements = {
  rack_power: {
    about: "Power of a whole rack or of one feed into it.",
    channel: "feed",
    fields: {
      ...electrical,
      ...energy,
      frequency_hz: { about: "Mains frequency.", range: [0, 1000] },
      peak_w: { about: "Highest demand since the last reset.", range: [0, 1e9] },
      unbalance_pct: { about: "Unbalance of the phase currents.", range: [0, 1000] },
    },
  },
  rack_phase: {
    about: "One phase of a rack's or PDU's feed.",
    channel: "phase",
    fields: { ...electrical, ...lineQuality, ...energy },
  },
  pdu_outlet: {
    about: "One outlet of a rack PDU.",
    channel: "outlet",
    fields: {
      ...electrical,
      ...energy,
      outlet_state: {
        about: "Whether the outlet is switched on.",
        states: { 0: "off", 1: "on", 2: "cycling", 3: "fault" },
      },
    },
  },
  pdu_breaker: {
    about: "One breaker or overcurrent protector of a rack PDU.",
    channel: "breaker",
    fields: {
      current_a: electrical.current_a,
      load_pct: { about: "Current over rating.", range: [0, 1000] },
      trip_state: { about: "Whether it has tripped.", states: { 0: "closed", 1: "tripped" } },
    },
  },
  energy_meter: {
    about: "A meter's totals; phases go to meter_phase.",
    fields: {
      ...electrical,
      frequency_hz: { about: "Mains frequency.", range: [0, 1000] },
      demand_w: { about: "Demand over the meter's own period.", range: [-1e9, 1e9] },
      import_wh_total: { about: "Active energy imported.", range: [0, 9e15] },
      export_wh_total: { about: "Active energy exported.", range: [0, 9e15] },
      reactive_varh_total: { about: "Reactive energy.", range: [0, 9e15] },
    },
  },
  meter_phase: {
    about: "One phase of a meter.",
    channel: "phase",
    fields: {
      ...electrical,
      ...lineQuality,
      import_wh_total: { about: "Active energy imported on the phase.", range: [0, 9e15] },
      export_wh_total: { about: "Active energy exported on the phase.", range: [0, 9e15] },
    },
  },
  heat_meter: {
    about: "A meter of heat or cold in a water circuit.",
    fields: {
      energy_wh_total: { about: "Heat delivered.", range: [0, 9e15] },
      cooling_wh_total: { about: "Cold delivered.", range: [0, 9e15] },
      volume_l_total: { about: "Water that went through.", range: [0, 9e15] },
      power_w: { about: "Heat carried now.", range: [-1e9, 1e9] },
      flow_m3h: { about: "Flow.", range: [-1e6, 1e6] },
      supply_c: { about: "Water to the consumer.", range: [-50, 250] },
      return_c: { about: "Water coming back.", range: [-50, 250] },
      difference_k: { about: "Supply above return.", range: [-250, 250] },
      run_s_total: { about: "Time in operation." },
      status_code: { about: "The meter's own status byte." },
      fault_code: { about: "The maker's own fault word." },
    },
  },
  water_meter: {
    about: "A meter of water.",
    fields: {
      volume_l_total: { about: "Water that went through.", range: [0, 9e15] },
      backflow_l_total: { about: "Water that went backwards.", range: [0, 9e15] },
      flow_m3h: { about: "Flow.", range: [-1e6, 1e6] },
      temp_c: { about: "Temperature of the water.", range: [-50, 150] },
      run_s_total: { about: "Time in operation." },
      status_code: { about: "The meter's own status byte." },
      fault_code: { about: "The maker's own fault word." },
    },
  },
  ups: {
    about: "An uninterruptible power supply.",
    fields: {
      load_pct: { about: "Load over rating.", range: [0, 1000] },
      output_power_w: { about: "Active power delivered.", range: [0, 1e9] },
      output_va: { about: "Apparent power delivered.", range: [0, 1e9] },
      input_voltage_v: { about: "Voltage of the mains input.", range: [0, 1e5] },
      input_hz: { about: "Frequency of the mains input.", range: [0, 1000] },
      output_voltage_v: { about: "Voltage of the output.", range: [0, 1e5] },
      output_a: { about: "Current of the output.", range: [0, 1e5] },
      output_hz: { about: "Frequency of the output.", range: [0, 1000] },
      battery_charge_pct: { about: "State of charge.", range: [0, 100] },
      battery_runtime_s: { about: "Time left on battery at this load.", range: [0, 1e7] },
      battery_voltage_v: { about: "Voltage of the battery.", range: [0, 1e4] },
      battery_temp_c: { about: "Temperature of the battery.", range: [-50, 150] },
      energy_wh_total: { about: "Energy delivered, unwrapped.", range: [0, 9e15] },
      on_battery_state: { about: "Running on battery.", states: noYes },
      bypass_state: { about: "Running on bypass.", states: noYes },
      low_battery_state: { about: "Battery nearly empty.", states: noYes },
      replace_battery_state: { about: "Battery needs replacing.", states: noYes },
      fault_code: { about: "The maker's own fault word." },
    },
  },
  dc_supply: {
    about: "One side of a DC supply: what charges it, its battery or its load.",
    channel: "side",
    fields: {
      voltage_v: { about: "Voltage.", range: [-1e4, 1e4] },
      current_a: { about: "Current; into a battery is positive.", range: [-1e5, 1e5] },
      power_w: { about: "Power; into a battery is positive.", range: [-1e8, 1e8] },
      charge_pct: { about: "State of charge.", range: [0, 100] },
      temp_c: { about: "Temperature.", range: [-50, 150] },
      energy_wh_total: { about: "Energy delivered, unwrapped.", range: [0, 9e15] },
    },
  },
  cooling: {
    about: "A CRAC, CRAH or in-row cooler.",
    channel: "unit",
    fields: {
      supply_air_c: { about: "Air leaving the unit.", range: [-50, 100] },
      return_air_c: { about: "Air entering the unit.", range: [-50, 100] },
      supply_rh_pct: { about: "Relative humidity of supply air.", range: [0, 100] },
      return_rh_pct: { about: "Relative humidity of return air.", range: [0, 100] },
      setpoint_c: { about: "Temperature asked for.", range: [-50, 100] },
      fan_pct: { about: "Fan speed.", range: [0, 120] },
      valve_pct: { about: "Opening of the cooling valve.", range: [0, 100] },
      compressor_pct: { about: "Compressor utilisation.", range: [0, 100] },
      reheat_pct: { about: "Reheat utilisation.", range: [0, 100] },
      humidifier_pct: { about: "Humidifier utilisation.", range: [0, 100] },
      dehumidifier_pct: { about: "Dehumidifier utilisation.", range: [0, 100] },
      efficiency_pct: { about: "The unit's own efficiency figure.", range: [0, 100] },
      water_supply_c: { about: "Chilled water entering.", range: [-50, 150] },
      water_return_c: { about: "Chilled water leaving.", range: [-50, 150] },
      cooling_w: { about: "Heat removed.", range: [0, 1e8] },
      power_w: { about: "Power drawn.", range: [0, 1e8] },
      filter_dp_pa: { about: "Pressure drop over the filter.", range: [-1e5, 1e5] },
      compressor_state: { about: "Compressor running.", states: onOff },
      unit_state: { about: "Unit running.", states: onOff },
      alarm_state: { about: "Any alarm active.", states: noYes },
      alarm_code: { about: "The maker's own alarm word." },
    },
  },
  cdu: {
    about: "One loop of a coolant distribution unit.",
    channel: "loop",
    fields: {
      supply_c: { about: "Coolant leaving the unit.", range: [-50, 150] },
      return_c: { about: "Coolant coming back.", range: [-50, 150] },
      flow_lpm: { about: "Flow.", range: [0, 1e6] },
      supply_pa: { about: "Pressure of the supply.", range: [-1e5, 1e8] },
      return_pa: { about: "Pressure of the return.", range: [-1e5, 1e8] },
      pump_pct: { about: "Pump speed.", range: [0, 120] },
      reservoir_pct: { about: "Level of the reservoir.", range: [0, 100] },
      heat_w: { about: "Heat carried.", range: [-1e9, 1e9] },
      power_w: { about: "Power drawn.", range: [0, 1e8] },
      conductivity_uscm: { about: "Conductivity of the coolant.", range: [0, 1e6] },
      dewpoint_margin_k: { about: "Supply above the dew point.", range: [-100, 100] },
      leak_state: { about: "Leak detected.", states: noYes },
      heat_wh_total: { about: "Heat carried, unwrapped.", range: [0, 9e15] },
      energy_wh_total: { about: "Energy used by pumps and controls, unwrapped.", range: [0, 9e15] },
      run_s_total: { about: "Time the pump has run, unwrapped." },
      alarm_code: { about: "The maker's own alarm word." },
    },
  },
  thermal: {
    about: "Air at one place in or near a rack, or one temperature of a machine.",
    channel: "sensor",
    fields: {
      temp_c: { about: "Temperature.", range: [-80, 1000] },
      rh_pct: { about: "Relative humidity.", range: [0, 100] },
      dewpoint_c: { about: "Dew point.", range: [-80, 100] },
      dp_pa: { about: "Differential pressure.", range: [-1e5, 1e5] },
    },
  },
  accelerator: {
    about: "One accelerator card.",
    channel: "gpu",
    fields: {
      power_w: { about: "Power drawn.", range: [0, 1e5] },
      power_limit_w: { about: "Power limit in force.", range: [0, 1e5] },
      energy_wh_total: { about: "Energy used, unwrapped.", range: [0, 9e15] },
      temp_c: { about: "Core temperature.", range: [-50, 200] },
      mem_temp_c: { about: "Memory temperature.", range: [-50, 200] },
      hotspot_c: { about: "Hottest point.", range: [-50, 200] },
      util_pct: { about: "Share of time with some kernel running.", range: [0, 100] },
      tensor_active_ratio: { about: "Share of cycles with tensor pipes active.", range: [0, 1] },
      dram_active_ratio: { about: "Share of cycles with memory active.", range: [0, 1] },
      mem_used_bytes: { about: "Memory in use." },
      mem_total_bytes: { about: "Memory installed." },
      sm_clock_hz: { about: "Core clock.", range: [0, 1e11] },
      throttle_code: { about: "Reasons for throttling, as a bit mask." },
      ecc_ce_total: { about: "Corrected memory errors." },
      ecc_ue_total: { about: "Uncorrected memory errors." },
    },
  },
  host: {
    about: "The machine that an agent runs on.",
    fields: {
      load1_ratio: { about: "Load average over one minute, per core.", range: [0, 1e4] },
      cpu_pct: { about: "Processor time in use, all cores.", range: [0, 100] },
      mem_used_pct: { about: "Memory not available to programs.", range: [0, 100] },
      mem_total_bytes: { about: "Memory installed." },
      swap_used_pct: { about: "Swap in use.", range: [0, 100] },
      uptime_s: { about: "Time since boot.", range: [0, 1e10] },
    },
  },
  host_power: {
    about: "One power domain that the machine's own counters report (RAPL).",
    channel: "domain",
    fields: {
      power_w: { about: "Mean power since the last poll.", range: [0, 1e5] },
      energy_wh_total: {
        about: "Energy since the agent started, unwrapped.",
        range: [0, 9e15],
        restarts: true,
      },
    },
  },
  environment: {
    about: "Weather, air and noise at one place.",
    channel: "sensor",
    fields: {
      temp_c: { about: "Air temperature.", range: [-80, 100] },
      rh_pct: { about: "Relative humidity.", range: [0, 100] },
      dewpoint_c: { about: "Dew point.", range: [-80, 100] },
      pressure_pa: { about: "Air pressure.", range: [10_000, 120_000] },
      pm1_ugm3: { about: "Fine particles below 1 µm.", range: [0, 10_000] },
      pm25_ugm3: { about: "Fine particles below 2.5 µm.", range: [0, 10_000] },
      pm4_ugm3: { about: "Particles below 4 µm.", range: [0, 10_000] },
      pm10_ugm3: { about: "Particles below 10 µm.", range: [0, 10_000] },
      tsp_ugm3: { about: "Suspended particles in all.", range: [0, 100_000] },
      o3_ugm3: { about: "Ozone.", range: [0, 10_000] },
      no2_ugm3: { about: "Nitrogen dioxide.", range: [0, 10_000] },
      no_ugm3: { about: "Nitrogen monoxide.", range: [0, 10_000] },
      nox_ugm3: { about: "Nitrogen oxides, as dioxide.", range: [0, 10_000] },
      so2_ugm3: { about: "Sulphur dioxide.", range: [0, 10_000] },
      co_mgm3: { about: "Carbon monoxide.", range: [0, 1000] },
      formaldehyde_mgm3: { about: "Formaldehyde.", range: [0, 1000] },
      co2_ppm: { about: "Carbon dioxide.", range: [0, 100_000] },
      voc_ppb: { about: "Volatile organic compounds.", range: [0, 100_000] },
      laeq_db: { about: "Equivalent sound level, A-weighted.", range: [0, 200] },
      lamax_db: { about: "Highest sound level, A-weighted.", range: [0, 200] },
      illuminance_lux: { about: "Illuminance.", range: [0, 300_000] },
      solar_wm2: { about: "Global solar radiation.", range: [0, 2000] },
      uv_ratio: { about: "UV index.", range: [0, 30] },
      wind_mps: { about: "Wind speed.", range: [0, 120] },
      gust_mps: { about: "Highest wind speed.", range: [0, 120] },
      wind_deg: { about: "Where the wind comes from.", range: [0, 360] },
      rain_mm_total: { about: "Rain since the counter began.", range: [0, 1e7] },
      rain_mmh: { about: "Rain intensity.", range: [0, 1000] },
      precipitation_state: {
        about: "What falls.",
        states: {
          0: "none",
          1: "rain",
          2: "snow",
          3: "sleet",
          4: "hail",
          5: "freezing rain",
          6: "something",
        },
      },
    },
  },
  road_surface: {
    about: "The surface of a road or path at one place.",
    channel: "sensor",
    fields: {
      surface_c: { about: "Temperature of the surface.", range: [-80, 150] },
      ground_c: { about: "Temperature below the surface.", range: [-80, 150] },
      freezing_c: { about: "Where what lies on the road freezes.", range: [-80, 10] },
      film_mm: { about: "Height of the water film.", range: [0, 100] },
      ice_pct: { about: "Share of ice in the film.", range: [0, 100] },
      friction_ratio: { about: "Coefficient of friction.", range: [0, 1] },
      surface_state: {
        about: "What the road is like.",
        states: {
          0: "dry",
          1: "moist",
          2: "wet",
          3: "moist with salt",
          4: "wet with salt",
          5: "ice",
          6: "snow",
          7: "frost",
        },
      },
    },
  },
  soil: {
    about: "Soil at one place and depth.",
    channel: "sensor",
    fields: {
      moisture_pct: { about: "Water in the soil, by volume.", range: [0, 100] },
      temp_c: { about: "Temperature of the soil.", range: [-60, 100] },
      conductivity_uscm: { about: "Bulk electrical conductivity.", range: [0, 1e6] },
      permittivity_ratio: { about: "Apparent dielectric permittivity.", range: [0, 100] },
    },
  },
  leak: {
    about: "One leak detection zone or cable.",
    channel: "sensor",
    fields: {
      leak_state: { about: "Liquid detected.", states: noYes },
      fault_state: { about: "Cable broken or sensor faulty.", states: noYes },
      distance_m: { about: "Where along the cable.", range: [0, 10_000] },
      cable_m: { about: "Length of the cable.", range: [0, 10_000] },
    },
  },
  digital_io: {
    about: "One contact, relay or counter of a remote I/O module.",
    channel: "port",
    fields: {
      input_state: { about: "Contact closed.", states: onOff },
      output_state: { about: "Relay energised.", states: onOff },
      pulse_total: { about: "Pulses counted, unwrapped." },
      input_v: { about: "Analogue input as a voltage.", range: [-1e4, 1e4] },
      input_a: { about: "Analogue input as a current.", range: [-100, 100] },
    },
  },
  parking: {
    about: "A car park or a zone of it.",
    channel: "lot",
    fields: {
      spots_count: { about: "Spots in all." },
      occupied_count: { about: "Spots taken." },
      free_count: { about: "Spots free." },
      entries_total: { about: "Cars in, unwrapped." },
      exits_total: { about: "Cars out, unwrapped." },
      lot_state: {
        about: "State shown on the sign.",
        states: { 0: "open", 1: "full", 2: "closed", 3: "unknown" },
      },
    },
  },
  traffic: {
    about: "Traffic on one lane.",
    channel: "lane",
    fields: {
      volume_count: { about: "Vehicles in the interval." },
      vehicles_total: { about: "Vehicles since the counter began, unwrapped." },
      interval_s: { about: "Length of the interval.", range: [0, 86_400] },
      flow_vph: { about: "Vehicles per hour.", range: [0, 1e5] },
      occupancy_pct: { about: "Share of time the detector is covered.", range: [0, 100] },
      speed_kmh: { about: "Mean speed.", range: [0, 400] },
    },
  },
  street_light: {
    about: "One lamp, or one circuit of a cabinet.",
    channel: "lamp",
    fields: {
      power_state: {
        about: "Whether the lamp is lit.",
        states: { 0: "off", 1: "on", 2: "low", 3: "starting" },
      },
      dim_pct: { about: "Dimming level.", range: [0, 100] },
      power_w: { about: "Power drawn.", range: [0, 1e6] },
      voltage_v: electrical.voltage_v,
      current_a: electrical.current_a,
      energy_wh_total: energy.energy_wh_total,
      burn_s_total: { about: "Time lit, unwrapped." },
      lamp_temp_c: { about: "Temperature of the luminaire.", range: [-50, 200] },
      fault_code: { about: "The maker's own fault word." },
    },
  },
  water_level: {
    about: "Level and flow at one station.",
    channel: "sensor",
    fields: {
      level_m: { about: "Level over the station's datum.", range: [-1000, 10_000] },
      distance_m: { about: "Distance from sensor to surface.", range: [0, 1000] },
      flow_m3h: { about: "Flow.", range: [-1e9, 1e9] },
      current_mps: { about: "Speed of the water.", range: [-50, 50] },
      temp_c: { about: "Water temperature.", range: [-10, 120] },
      battery_v: { about: "Voltage of the station's battery.", range: [0, 100] },
    },
  },
  water_quality: {
    about: "Water at one place: a river, a drain, a tank.",
    channel: "sensor",
    fields: {
      temp_c: { about: "Water temperature.", range: [-10, 120] },
      acidity_ph: { about: "Acidity.", range: [0, 14] },
      conductivity_uscm: { about: "Conductivity.", range: [0, 1e6] },
      turbidity_ntu: { about: "Turbidity.", range: [0, 1e5] },
      oxygen_mgl: { about: "Dissolved oxygen.", range: [0, 100] },
      permanganate_mgl: { about: "Permanganate index.", range: [0, 1e5] },
      cod_mgl: { about: "Chemical oxygen demand.", range: [0, 1e6] },
      ammonia_mgl: { about: "Ammonia nitrogen.", range: [0, 1e5] },
      phosphorus_mgl: { about: "Total phosphorus.", range: [0, 1e5] },
      nitrogen_mgl: { about: "Total nitrogen.", range: [0, 1e5] },
      solids_mgl: { about: "Suspended solids.", range: [0, 1e6] },
    },
  },
  distance: {
    about: "From a sensor to what it looks at: a bin's filling, a car, snow.",
    channel: "sensor",
    fields: {
      distance_m: { about: "Distance.", range: [0, 1000] },
      tilt_state: { about: "The sensor has tipped over.", states: noYes },
      temp_c: { about: "Temperature at the sensor.", range: [-80, 100] },
    },
  },
  tilt: {
    about: "How a pole, a mast or a cover leans.",
    channel: "sensor",
    fields: {
      angle_x_deg: { about: "Angle about the sensor's x axis.", range: [-180, 180] },
      angle_y_deg: { about: "Angle about the sensor's y axis.", range: [-180, 180] },
      angle_z_deg: { about: "Angle about the sensor's z axis.", range: [-180, 180] },
      alarm_state: { about: "The sensor's own threshold is passed.", states: noYes },
    },
  },
  passage: {
    about: "People or bicycles that cross one line.",
    channel: "line",
    fields: {
      in_total: { about: "Crossed inwards, since the counter began." },
      out_total: { about: "Crossed outwards, since the counter began." },
      in_count: { about: "Crossed inwards in the sensor's period." },
      out_count: { about: "Crossed outwards in the sensor's period." },
    },
  },
  radio: {
    about: "The radio link of a wireless device, and its battery.",
    fields: {
      rssi_dbm: { about: "Signal at the best receiver.", range: [-200, 50] },
      snr_ratio_db: { about: "Signal over noise at the best receiver.", range: [-60, 60] },
      margin_ratio_db: { about: "What the device heard above its limit.", range: [-60, 100] },
      gateways_count: { about: "Receivers that heard it." },
      spreading_factor_code: { about: "LoRa spreading factor, 5 to 12." },
      uplinks_total: { about: "The device's own count of messages.", restarts: true },
      battery_pct: { about: "State of charge.", range: [0, 100] },
      battery_v: { about: "Voltage of the battery.", range: [0, 100] },
      external_power_state: { about: "Powered from outside.", states: noYes },
    },
  },
  genset: {
    about: "A generator set or transfer switch.",
    fields: {
      ...electrical,
      frequency_hz: { about: "Output frequency.", range: [0, 1000] },
      engine_rpm: { about: "Engine speed.", range: [0, 10_000] },
      coolant_c: { about: "Coolant temperature.", range: [-50, 300] },
      oil_pa: { about: "Oil pressure.", range: [0, 1e7] },
      fuel_pct: { about: "Fuel level.", range: [0, 130] },
      battery_v: { about: "Starter battery.", range: [0, 100] },
      load_pct: { about: "Load over rating.", range: [0, 1000] },
      run_s_total: { about: "Engine run time, unwrapped." },
      starts_total: { about: "Engine starts, unwrapped." },
      transfers_total: { about: "Transfers of the switch, unwrapped." },
      energy_wh_total: energy.energy_wh_total,
      mains_state: { about: "Mains present.", states: noYes },
      engine_state: { about: "The maker's own engine state." },
      source_state: { about: "Source that feeds the load.", states: { 0: "none", 1: "a", 2: "b" } },
      alarm_code: { about: "The maker's own alarm word." },
    },
  },
  agent_health: {
    about: "What an agent says of itself.",
    fields: {
      offered_total: { about: "Batches offered to the spool in this stream.", restarts: true },
      stored_total: { about: "Batches the hub reported stored.", restarts: true },
      queued_count: { about: "Batches waiting." },
      shed_full_total: { about: "Batches given up because the spool was full.", restarts: true },
      shed_disk_total: { about: "Batches given up because the disk took no more.", restarts: true },
      shed_damaged_total: { about: "Batches lost to damage of the disk.", restarts: true },
      shed_large_total: { about: "Batches given up because they fit no segment.", restarts: true },
      spool_bytes: { about: "Disk used by the spool." },
      base_count: { about: "The lowest number that waits: all below it are stored or shed." },
      stream_born_ms: { about: "When the stream began, ms since 1970.", range: [0, 1e13] },
      oldest_s: { about: "Age of the oldest batch that waits.", range: [0, 1e10] },
      polls_total: { about: "Polls since start.", restarts: true },
      failures_total: { about: "Polls that gave nothing, since start.", restarts: true },
      faults_total: {
        about: "Parts of devices that could not be read, since start.",
        restarts: true,
      },
      overruns_total: {
        about: "Polls left out because the bus was busy, since start.",
        restarts: true,
      },
      refused_total: { about: "Points that the register refused, since start.", restarts: true },
      poll_p99_ms: { about: "99th percentile of poll durations.", range: [0, 1e7] },
      loop_delay_ms: { about: "99th percentile of event-loop delay.", range: [0, 1e6] },
      rss_bytes: { about: "Resident memory." },
    },
  },
  hub_health: {
    about: "What a hub says of itself, in batches since its start.",
    fields: {
      received_total: { about: "Batches received.", restarts: true },
      stored_total: { about: "Batches stored, or stored but for refused points.", restarts: true },
      queued_count: { about: "Batches waiting for the store." },
      refused_total: {
        about: "Batches set aside because they can never be stored.",
        restarts: true,
      },
      overflow_total: {
        about: "Batches left to the agent's resend because the queue was full.",
        restarts: true,
      },
      points_total: { about: "Points stored.", restarts: true },
      points_refused_total: {
        about: "Points set aside because they can never be stored.",
        restarts: true,
      },
      store_state: { about: "Whether the store takes writes.", states: { 0: "down", 1: "up" } },
      write_ms: { about: "Duration of the newest write.", range: [0, 1e7] },
      clients_count: { about: "Clients connected." },
      denied_total: { about: "Publishes and subscriptions refused.", restarts: true },
      rollup_lag_s: {
        about: "Age of the oldest window that waits to be rolled up.",
        range: [0, 1e10],
      },
      rollup_dirty_count: { about: "Windows marked to be rolled up, those not over included." },
      rollup_rows_total: { about: "Roll-up rows written.", restarts: true },
      rollup_failures_total: {
        about: "Roll-ups that failed and were tried again.",
        restarts: true,
      },
      loop_delay_ms: { about: "99th percentile of event-loop delay.", range: [0, 1e6] },
      rss_bytes: { about: "Resident memory." },
    },
  },
  device_event: {
    about: "What happened to a device, once.",
    fields: {
      link_state: { about: "State the device went to.", states: { 0: "offline", 1: "online" } },
      reason: { about: "Code of the fault behind it, or none.", text: true },
      setting: { about: "What was to be set on it.", text: true },
      set_ratio: { about: "Value asked for, in the unit of the setting's name." },
      set_outcome: { about: "Accepted, then done, failed or unknown.", text: true },
      set_by: {
        about: "Who asked: the user at the broker, and the request id.",
        text: true,
      },
    },
  },
  alert_event: {
    about: "One transition of one alert, written by the hub.",
    channel: "rule",
    fields: {
      alert_state: {
        about: "State the alert went to.",
        states: { 0: "inactive", 1: "pending", 2: "firing", 3: "resolved", 4: "unknown" },
      },
      value_ratio: { about: "Value that decided, in the unit of the rule's field." },
      severity: { about: "Severity of the rule.", text: true },
      channel: { about: "Part of the device it is about, as tag=value.", text: true },
    },
  },
} as const satisfies Record<string, MeasurementEntry>;

export type MeasurementName = keyof typeof measurements;
